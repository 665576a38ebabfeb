/**
 * How unlike the others a cell's keys are.
 *
 * Source: KeyDiff, arXiv 2504.15364: similarity to the mean direction of all keys.
 */
import type { CachedKeys } from './policy.ts'

/**
 * Minus the cosine of each cell's key with the anchor, which is the mean of the directions of all cells' keys of the same head;
 * by position, from -1 to 1, averaged over layers and key heads. Keys of zeros have no direction: 0. O(n * d) for each layer.
 */
export function keyDifference({ positions, headSize, layers }: CachedKeys): Map<number, number> {
  const rows = positions.length
  const cosines = new Float64Array(rows)
  let heads = 0
  for (const values of layers()) {
    const width = values.length / rows
    for (let offset = 0; offset < width; offset += headSize) addCosines(values, width, offset, headSize, cosines)
    heads += width / headSize
  }
  return new Map(Array.from(positions, (position, row) => [position, -(cosines[row] ?? 0) / heads]))
}

/** Adds to `cosines` those of one head, whose values begin at `offset` in each row of `width`. */
function addCosines(values: Float32Array, width: number, offset: number, size: number, cosines: Float64Array): void {
  const rows = cosines.length
  const scales = new Float64Array(rows)
  const anchor = new Float64Array(size)
  for (let row = 0; row < rows; row++) {
    const start = row * width + offset
    let squares = 0
    for (let i = 0; i < size; i++) squares += (values[start + i] ?? 0) ** 2
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
    scales[row] = scale
    for (let i = 0; i < size; i++) anchor[i] = (anchor[i] ?? 0) + (values[start + i] ?? 0) * scale
  }
  const length = Math.hypot(...anchor)
  if (length === 0) return
  for (let row = 0; row < rows; row++) {
    const start = row * width + offset
    let product = 0
    for (let i = 0; i < size; i++) product += (values[start + i] ?? 0) * (anchor[i] ?? 0)
    cosines[row] = (cosines[row] ?? 0) + (product * (scales[row] ?? 0)) / length
  }
}
