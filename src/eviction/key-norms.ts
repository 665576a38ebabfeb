/** How large the cached keys are. */
import type { CachedKeys } from './policy.ts'

/** Norm of each cell's key, by position, averaged over layers and key heads. */
export function keyNorms({ positions, headSize, layers }: CachedKeys): Map<number, number> {
  const sums = new Float64Array(positions.length)
  let heads = 0
  for (const values of layers()) {
    const width = values.length / positions.length
    heads += width / headSize
    for (let row = 0; row < positions.length; row++) {
      for (let start = row * width; start < (row + 1) * width; start += headSize) {
        let squares = 0
        for (let i = start; i < start + headSize; i++) squares += (values[i] ?? 0) ** 2
        sums[row] = (sums[row] ?? 0) + Math.sqrt(squares)
      }
    }
  }
  return new Map(Array.from(positions, (position, row) => [position, (sums[row] ?? 0) / heads]))
}
