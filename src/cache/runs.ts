/** Turns leaving cells into ranges of positions, as `llama_memory_seq_rm` takes them. */

import type { PositionRange } from '../llama/sequence-memory.ts'

/**
 * The fewest ranges, ascending, that cover every leaving cell and no other held cell. A range may span positions that
 * no cell holds any more, so one removal call serves leaving cells on both sides of an old hole.
 * @param held positions of the held cells, ascending
 * @param leaving positions of the leaving cells, ascending; each must be held
 */
export function removalRuns(held: Int32Array, leaving: Int32Array): PositionRange[] {
  const runs: PositionRange[] = []
  let next = 0
  let p0 = -1
  let p1 = -1
  for (const position of held) {
    if (position === leaving[next]) {
      if (p0 < 0) p0 = position
      p1 = position + 1
      next++
    } else if (p0 >= 0) {
      runs.push([p0, p1])
      p0 = -1
    }
  }
  if (p0 >= 0) runs.push([p0, p1])
  if (next < leaving.length) throw new Error(`Position ${leaving[next]} leaves but is not held, or is out of order.`)
  return runs
}
