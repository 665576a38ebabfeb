/**
 * How many cells a sequence may hold and how many leave at an eviction.
 *
 * Source: arXiv 2601.18383, section 4 (windows) and appendix C.3 ("all methods retain an identical number of KV pairs").
 */
import { InputError } from '../errors.ts'

/** The numbers that bound a sequence, in cells. How many leave at an eviction is said by `ratio` or by `evictEvery`. */
export interface CacheSettings {
  /** B: the most cells that one sequence may ever hold. */
  readonly budget: number
  /** W_l: the newest generated cells, not evicted. */
  readonly localWindow: number
  /** The share of the selection window that is kept at an eviction, in [0, 1]. */
  readonly ratio?: number | undefined
  /** K: so many leave at every eviction, whatever the prompt; so there is one every K tokens. Instead of `ratio`. */
  readonly evictEvery?: number | undefined
  /** So many parts of the candidates keep their share of a half of what stays. Default: none does. */
  readonly segments?: number | undefined
  /** Share of the budget, in (0, 1): so many of the candidates, those of the largest values, stay whatever they score. Default: none. */
  readonly valueReserve?: number | undefined
}

/** What an eviction does to one sequence, in cells; fixed for the sequence's life. */
export interface EvictionPlan {
  /** M: the question window. */
  readonly promptCells: number
  /** W_s = B - M - W_l: the generated cells that are older than the local window when the budget is reached. */
  readonly selectionWindow: number
  /** k: how many of the selection window stay. */
  readonly kept: number
  /** K = W_s - k, at least 1: how many leave at every eviction, under every policy; B - K remain. */
  readonly leaving: number
}

/**
 * Refuses numbers that are wrong whatever the other settings are.
 * @throws InputError `invalid_local_window`, `invalid_budget`, `invalid_ratio`, `invalid_evict_every`, `invalid_segments` or `invalid_value_reserve`
 */
export function validateEach(settings: Partial<CacheSettings>): void {
  const { budget, localWindow, ratio, evictEvery, segments, valueReserve } = settings
  const whole = (value: number | undefined, least: number, name: string, code: string) => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return
    throw new InputError(code, `\`${name}\` must be a whole number of at least ${least}, not ${value}.`)
  }
  // The least window, a cell that leaves, and the newest.
  whole(budget, 3, 'budget', 'invalid_budget')
  whole(localWindow, 1, 'localWindow', 'invalid_local_window')
  whole(evictEvery, 1, 'evictEvery', 'invalid_evict_every')
  whole(segments, 2, 'segments', 'invalid_segments')
  if (ratio !== undefined && !(ratio >= 0 && ratio <= 1)) {
    throw new InputError('invalid_ratio', `\`ratio\` must be a number from 0 to 1, not ${ratio}.`)
  }
  if (valueReserve !== undefined && !(valueReserve > 0 && valueReserve < 1)) {
    throw new InputError(
      'invalid_value_reserve',
      `\`valueReserve\` must be a share of the budget, above 0 and below 1, not ${valueReserve}.`,
    )
  }
}

/**
 * Refuses settings that no sequence could run under.
 * @throws InputError what `validateEach` throws
 */
export function validateCacheSettings(settings: CacheSettings): void {
  validateEach(settings)
  const { budget, localWindow, ratio, evictEvery } = settings
  const isEvery = evictEvery !== undefined
  if (isEvery && ratio !== undefined) {
    throw new InputError(
      'invalid_evict_every',
      'Give `ratio` or `evictEvery`, not both: each says how many cells leave.',
    )
  }
  if (!isEvery && ratio === undefined) throw new InputError('invalid_ratio', 'Give `ratio` or `evictEvery`.')
  const least = localWindow + 1 + (evictEvery ?? 1)
  if (budget < least) {
    const sum = `\`localWindow\`, here ${localWindow}, plus ${isEvery ? '`evictEvery` plus 1' : '2'}`
    throw new InputError(
      'invalid_budget',
      `\`budget\` must be a whole number of at least ${least} (${sum}), not ${budget}.`,
    )
  }
}

/**
 * The plan of a sequence with a prompt of M = `promptCells` cells: k = min(floor(ratio * W_s), W_s - 1), so that at least
 * one cell leaves even at ratio 1; or k = W_s - K, if K is given.
 * @throws InputError `prompt_too_long` when W_s is smaller than K, or than 1, and what `validateCacheSettings` throws
 */
export function planEviction(settings: CacheSettings, promptCells: number): EvictionPlan {
  validateCacheSettings(settings)
  const { budget, localWindow } = settings
  const selectionWindow = budget - promptCells - localWindow
  const least = leastLeaving(settings)
  if (selectionWindow < least) {
    const every = least > 1 ? ` of which ${least} cells must be free to leave` : ''
    throw new InputError(
      'prompt_too_long',
      `A prompt of ${promptCells} tokens does not fit into a budget of ${budget} cells${every} with a local window of ` +
        `${localWindow}: give \`budget: ${promptCells + localWindow + least}\` or more, or a smaller \`localWindow\`.`,
      {
        details: {
          ...{ promptTokens: promptCells, mostPromptTokens: mostPromptCells(settings) },
          leastBudget: promptCells + localWindow + least,
          roomyBudget: roomyBudget(settings, promptCells),
        },
      },
    )
  }
  const kept = keptOf(settings, selectionWindow)
  return { promptCells, selectionWindow, kept, leaving: selectionWindow - kept }
}

/** How many cells a sequence holds on average once it has reached its budget: from B - K + 1 to B, and anew. */
export function meanCells(budget: number, leaving: number): number {
  return budget - (leaving - 1) / 2
}

/** The longest prompt under these settings, in cells. */
export function mostPromptCells(settings: CacheSettings): number {
  return Math.max(0, settings.budget - settings.localWindow - leastLeaving(settings))
}

/** The least budget of a prompt whose selection window is as large as the local window, in cells. */
export function roomyBudget(settings: CacheSettings, promptCells: number): number {
  return promptCells + settings.localWindow + Math.max(leastLeaving(settings), settings.localWindow)
}

function leastLeaving({ evictEvery }: CacheSettings): number {
  return evictEvery ?? 1
}

function keptOf({ ratio, evictEvery }: CacheSettings, selectionWindow: number): number {
  if (ratio === undefined) return selectionWindow - (evictEvery ?? 1)
  return Math.min(Math.floor(ratio * selectionWindow), selectionWindow - 1)
}

/** What leaves and what stays, as the settings say it: `ratio 0.5`, `evict-every 9`, `ratio 0.5 segments 8 value-reserve 0.25`. */
export function shareText({ ratio, evictEvery, segments, valueReserve }: NullableShares): string {
  const share = typeof evictEvery === 'number' ? `evict-every ${evictEvery}` : `ratio ${ratio ?? '-'}`
  const parts = typeof segments === 'number' ? ` segments ${segments}` : ''
  const reserve = typeof valueReserve === 'number' ? ` value-reserve ${valueReserve}` : ''
  return `${share}${parts}${reserve}`
}

/** Of settings, and of records, which have null for what is not given. */
type NullableShares = {
  readonly [Name in 'ratio' | 'evictEvery' | 'segments' | 'valueReserve']?: number | null | undefined
}
