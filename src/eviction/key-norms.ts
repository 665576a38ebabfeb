/** How large the cached keys are. */
import { headsOf, lengthsOf } from './head-rows.ts'
import type { CachedKeys } from './policy.ts'

/** Norm of each cell's key, by position, averaged over layers and key heads. */
export function keyNorms({ positions, headSize, layers }: CachedKeys): Map<number, number> {
  const rows = positions.length
  const sums = new Float64Array(rows)
  let heads = 0
  for (const layer of layers()) {
    for (const head of headsOf(layer, rows, headSize)) {
      const lengths = lengthsOf(head)
      for (let row = 0; row < rows; row++) sums[row] = (sums[row] as number) + (lengths[row] as number)
      heads++
    }
  }
  return new Map(Array.from(positions, (position, row) => [position, (sums[row] ?? 0) / heads]))
}
