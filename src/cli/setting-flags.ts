/** What can be said of a cache's settings and of the sampling before it is known which model, or whether it must be downloaded. */
import { validateEach } from '../cache/budget.ts'
import { defined } from '../defined.ts'
import { defaultSampling, validateSampling, type SamplingSettings } from '../llama/index.ts'

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

/** Each by itself; whether they fit together depends on what the model recommends. @throws InputError what `validateEach` throws */
export function checkCacheFlags({ budget, localWindow, ratio, evictEvery, segments, valueReserve }: CacheFlags): void {
  const values = { budget, localWindow, ratio, evictEvery, segments, valueReserve }
  for (const [name, given] of Object.entries(values)) for (const value of listOf(given)) validateEach({ [name]: value })
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
