/** What can be said of a cache's settings and of the sampling before it is known which model, or whether it must be downloaded. */
import type { Command } from 'commander'
import { validateEach } from '../../cache/budget.ts'
import { defined } from '../../defined.ts'
import { defaultSampling, validateSampling, type SamplingSettings } from '../../llama/index.ts'
import { number } from './option-values.ts'

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

/** How one cache is bounded, as commander gives it. */
export interface BoundFlags {
  readonly budget?: number
  readonly localWindow?: number
  readonly ratio?: number
  readonly evictEvery?: number
}

/** All settings of one cache, as commander gives them. */
export interface CacheSettingFlags extends BoundFlags {
  readonly segments?: number
  readonly valueReserve?: number
}

/** As requests have them. */
export function cacheSettingsOf(flags: CacheSettingFlags) {
  const { budget, localWindow, ratio, evictEvery, segments, valueReserve } = flags
  return { budget, localWindow, ratio, evictEvery, segments, valueReserve }
}

/** By flag, for what is said of them. */
export function cacheFlagValues(flags: CacheFlags): Record<string, unknown> {
  const { budget, localWindow, ratio, evictEvery, segments, valueReserve } = flags
  const bound = { '--budget': budget, '--local-window': localWindow, '--ratio': ratio, '--evict-every': evictEvery }
  return { ...bound, '--segments': segments, '--value-reserve': valueReserve }
}

/** The same for every command that runs models under one setting. @param budget what it bounds there */
export function addCacheOptions(command: Command, budget: string): Command {
  return command
    .option('-b, --budget <cells>', budget, number)
    .option('--local-window <cells>', 'newest cells, which stay', number)
    .option('--ratio <share>', 'share of the selection window that an eviction keeps, 0 to 1', number)
    .option('--evict-every <n>', 'so many cells leave at each eviction, instead of --ratio', number)
    .option('--segments <n>', 'each n-th part of the candidates keeps its share of half of what stays', number)
    .option('--value-reserve <share>', 'so much of the budget stays for the largest values, against loops', number)
}

/** The same for the analyses that look at a bounded cache, in the paper's letters. */
export function addBoundOptions(command: Command): Command {
  return command
    .option('-b, --budget <cells>', 'B (default: as for dynts run)', number)
    .option('--local-window <cells>', 'W_l', number)
    .option('--ratio <share>', 'share of the selection window that an eviction keeps', number)
    .option('--evict-every <cells>', 'so many cells leave at each eviction, instead of --ratio', number)
}

/** How tokens are drawn, as commander gives it. */
export interface SamplingFlags {
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repeatPenalty?: number
}

export function addSamplingOptions(command: Command): Command {
  const s = defaultSampling
  return command
    .option('-t, --temperature <t>', `0 is greedy (default: ${s.temperature})`, number)
    .option('--top-k <k>', `0 is off (default: ${s.topK})`, number)
    .option('--top-p <p>', `1 is off (default: ${s.topP})`, number)
    .option('--min-p <p>', `0 is off (default: ${s.minP})`, number)
    .option('--repeat-penalty <x>', `1 is off (default: ${s.repeatPenalty})`, number)
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
