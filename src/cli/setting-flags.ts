/** What can be said of a cache's settings and of the sampling before it is known which model, or whether it must be downloaded. */
import { defined } from '../defined.ts'
import { InputError } from '../errors.ts'
import { defaultSampling, validateSampling, type SamplingSettings } from '../llama/index.ts'
import { checkWhole } from './option-values.ts'

/** One value, or those of a grid. */
type Values = number | readonly number[] | undefined

export interface CacheFlags {
  readonly budget?: Values
  readonly localWindow?: Values
  readonly ratio?: Values
  readonly evictEvery?: Values
  readonly segments?: Values
  readonly valueReserve?: Values
}

/** Each by itself; whether they fit together depends on what the model recommends. @throws InputError `invalid_option` */
export function checkCacheFlags({ budget, localWindow, ratio, evictEvery, segments, valueReserve }: CacheFlags): void {
  // The least window, a cell that leaves, and the newest.
  for (const value of listOf(budget)) checkWhole('--budget', value, 3)
  for (const value of listOf(localWindow)) checkWhole('--local-window', value, 1)
  for (const value of listOf(evictEvery)) checkWhole('--evict-every', value, 1)
  for (const value of listOf(segments)) checkWhole('--segments', value, 2)
  const wrong = listOf(ratio).find((value) => !(value >= 0 && value <= 1))
  if (wrong !== undefined) throw new InputError('invalid_option', `--ratio must be a number from 0 to 1, not ${wrong}`)
  const share = listOf(valueReserve).find((value) => !(value > 0 && value < 1))
  if (share !== undefined) {
    throw new InputError(
      'invalid_option',
      `--value-reserve must be a share of the budget, above 0 and below 1, not ${share}`,
    )
  }
}

function listOf(values: Values): readonly number[] {
  if (values === undefined) return []
  return typeof values === 'number' ? [values] : values
}

/** Where something is left out, the default takes its place. @throws InputError `invalid_sampling` */
export function checkSamplingFlags(given: Partial<Record<keyof SamplingSettings, number | undefined>>, seed = 0): void {
  const { temperature, topK, topP, minP, repeatPenalty, repeatLastN, frequencyPenalty, presencePenalty } = given
  const penalties = { repeatPenalty, repeatLastN, frequencyPenalty, presencePenalty }
  validateSampling({ ...defaultSampling, ...defined({ temperature, topK, topP, minP, ...penalties }) }, seed)
}
