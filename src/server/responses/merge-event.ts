/** Joins pieces of text of a response that wait for a slow client. */

const pieces: ReadonlySet<unknown> = new Set(['response.reasoning_text.delta', 'response.output_text.delta'])

interface Piece {
  readonly type: string
  readonly item_id: string
  readonly delta: string
  readonly logprobs?: readonly unknown[]
}

/**
 * Joins an event to the last one, if both are pieces of the same text; it keeps the number of the first.
 * @param waiting changed if so
 * @returns whether it did
 */
export function mergeResponseEvent(waiting: object[], event: object): boolean {
  const [earlier, later] = [pieceOf(waiting.at(-1)), pieceOf(event)]
  if (!earlier || !later || earlier.type !== later.type || earlier.item_id !== later.item_id) return false
  const logprobs = earlier.logprobs ? { logprobs: [...earlier.logprobs, ...(later.logprobs ?? [])] } : {}
  waiting[waiting.length - 1] = { ...earlier, delta: earlier.delta + later.delta, ...logprobs }
  return true
}

function pieceOf(event: object | undefined): Piece | undefined {
  return event && 'type' in event && pieces.has(event.type) ? (event as Piece) : undefined
}
