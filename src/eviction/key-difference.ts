/**
 * How unlike the others a cell's keys are.
 *
 * Source: KeyDiff, arXiv 2504.15364: similarity to the mean direction of all keys.
 */
import { headsOf, lengthsOf, productsWith, weightedSum, type HeadRows } from './head-rows.ts'
import type { CachedKeys } from './policy.ts'

/**
 * Minus the cosine of each cell's key with the anchor, which is the mean of the directions of all cells' keys of the same head;
 * by position, from -1 to 1, averaged over layers and key heads. Keys of zeros have no direction: 0. O(n * d) for each layer.
 */
export function keyDifference({ positions, headSize, layers }: CachedKeys): Map<number, number> {
  const rows = positions.length
  const cosines = new Float64Array(rows)
  let heads = 0
  for (const layer of layers()) {
    for (const head of headsOf(layer, rows, headSize)) {
      const { products, length } = directionsOf(head)
      heads++
      if (length === 0) continue
      for (let row = 0; row < rows; row++) cosines[row] = (cosines[row] as number) + (products[row] as number) / length
    }
  }
  return new Map(Array.from(positions, (position, row) => [position, -(cosines[row] ?? 0) / heads]))
}

export interface Directions {
  /** One over each key's length; 0 for zeros. Shape [rows]. */
  readonly scales: Float64Array
  /** Product of each key's direction with the sum of all keys' directions; 0 for zeros. Shape [rows]. */
  readonly products: Float64Array
  /** Of that sum. */
  readonly length: number
}

/** Directions of the keys of one head: vectors of length 1. */
export function directionsOf(head: HeadRows): Directions {
  const scales = lengthsOf(head).map((length) => (length > 0 ? 1 / length : 0))
  const sum = weightedSum(head, scales)
  const products = productsWith(head, sum).map((product, row) => product * (scales[row] as number))
  return { scales, products, length: Math.hypot(...sum) }
}
