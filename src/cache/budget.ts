/**
 * How many cells a sequence may hold and how many leave at an eviction. Knows nothing of policies, scores or llama.cpp.
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
