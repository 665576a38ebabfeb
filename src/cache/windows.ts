/**
 * Which of the held cells may leave.
 *
 * Source: arXiv 2601.18383, section 4 (question, selection and local window). What happens after `</think>` is this
 * project's choice, for the paper is silent.
 */

/** The phase that a cell's token belongs to. A generated tag (`<think>`, `</think>`) counts as answer. */
export const CellKind = { prompt: 0, thinking: 1, answer: 2 } as const
export type CellKind = (typeof CellKind)[keyof typeof CellKind]

/** Cells that never leave under a policy. The newest cell never leaves under any. */
export interface Protection {
  readonly question: boolean
  /** `false`: only the newest cell. */
  readonly localWindow: boolean
  readonly answer: boolean
  /** The first cells of the text (attention sinks), whatever they are. Default 0. */
  readonly sinks?: number
}

/** Positions, each list ascending, that have no cell in common. */
export interface EvictableCells {
  /** Cells that the policy does not protect. */
  readonly candidates: Int32Array
  /** Answer cells that nothing but `answer` protects: they leave, oldest first, once all candidates have left. */
  readonly fallback: Int32Array
}

/**
 * Splits the held cells into those that may leave, those that may leave as a last resort, and the rest.
 * @param held positions of the held cells, ascending
 * @param kinds a `CellKind` for each held cell; the prompt's come first
 * @param localWindow W_l: the newest generated cells, of any kind, that make up the local window
 */
export function candidates(
  held: Int32Array,
  kinds: Uint8Array,
  protection: Protection,
  localWindow: number,
): EvictableCells {
  const unprotected: number[] = []
  const fallback: number[] = []
  const sinks = protection.sinks ?? 0
  const newest = held.length - 1
  // The prompt's cells are the oldest, so the newest generated cells are the last of all.
  const windowStart = protection.localWindow ? held.length - localWindow : newest
  held.forEach((position, i) => {
    const isPrompt = kinds[i] === CellKind.prompt
    const inLocalWindow = i === newest || (i >= windowStart && !isPrompt)
    if (inLocalWindow || position < sinks || (isPrompt && protection.question)) return
    if (kinds[i] === CellKind.answer && protection.answer) fallback.push(position)
    else unprotected.push(position)
  })
  return { candidates: Int32Array.from(unprotected), fallback: Int32Array.from(fallback) }
}
