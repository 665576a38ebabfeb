/**
 * The result of a generation that is still under way.
 */
import type { DecodeLoop } from '../src/engine/decode-loop.ts'
import type { GenerateResult } from '../src/engine/types.ts'

/** Ends the loop's only generation. */
export function cancelOnly(loop: DecodeLoop, requestId: number): GenerateResult {
  loop.cancel(requestId)
  for (const item of loop.step()) if ('event' in item && item.event.type === 'finish') return item.event.result
  throw new Error('the generation did not end')
}
