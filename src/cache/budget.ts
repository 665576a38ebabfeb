/**
 * How many cells a sequence may hold and how many leave at an eviction.
 *
 * Source: arXiv 2601.18383, section 4 (windows) and appendix C.3 ("all methods retain an identical number of KV pairs").
 */
import { InputError } from '../errors.ts'

/** The three numbers that bound a sequence, in cells; `ratio` is a share in [0, 1]. */
export interface CacheSettings {
  /** B: the most cells that one sequence may ever hold. */
  readonly budget: number
  /** W_l: the newest generated cells, not evicted. */
  readonly localWindow: number
  /** The share of the selection window that is kept at an eviction. */
  readonly ratio: number
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
 * Refuses settings that no sequence could run under.
 * @throws InputError `invalid_local_window`, `invalid_budget` or `invalid_ratio`
 */
export function validateCacheSettings({ budget, localWindow, ratio }: CacheSettings): void {
  if (!Number.isSafeInteger(localWindow) || localWindow < 1) {
    throw new InputError(
      'invalid_local_window',
      `--local-window must be a whole number, 1 or more, not ${localWindow}.`,
    )
  }
  if (!Number.isSafeInteger(budget) || budget < localWindow + 2) {
    throw new InputError(
      'invalid_budget',
      `--budget must be a whole number of at least ${localWindow + 2} (--local-window plus 2), not ${budget}.`,
    )
  }
  if (!(ratio >= 0 && ratio <= 1)) {
    throw new InputError('invalid_ratio', `--ratio must be a number from 0 to 1, not ${ratio}.`)
  }
}

/**
 * The plan of a sequence with a prompt of M = `promptCells` cells: k = min(floor(ratio * W_s), W_s - 1), so that at least
 * one cell leaves even at ratio 1.
 * @throws InputError `prompt_too_long` when M > B - W_l - 1, and what `validateCacheSettings` throws
 */
export function planEviction(settings: CacheSettings, promptCells: number): EvictionPlan {
  validateCacheSettings(settings)
  const { budget, localWindow, ratio } = settings
  const selectionWindow = budget - promptCells - localWindow
  if (selectionWindow < 1) {
    throw new InputError(
      'prompt_too_long',
      `A prompt of ${promptCells} tokens does not fit into a budget of ${budget} cells with a local window of ` +
        `${localWindow}: give --budget ${promptCells + localWindow + 1} or more, or a smaller --local-window.`,
      { details: { promptTokens: promptCells, mostPromptTokens: Math.max(0, budget - localWindow - 1) } },
    )
  }
  const kept = Math.min(Math.floor(ratio * selectionWindow), selectionWindow - 1)
  return { promptCells, selectionWindow, kept, leaving: selectionWindow - kept }
}
