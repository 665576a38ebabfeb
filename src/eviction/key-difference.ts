/**
 * How unlike the others a cell's keys are.
 *
 * Source: KeyDiff, arXiv 2504.15364: similarity to the mean direction of all keys.
 */
import { headsOf, lengthsOf, productsWith, weightedSum, type HeadRows } from './head-rows.ts'
import type { CachedKeys } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'

/**
 * Minus the cosine of each candidate's key with the anchor, which is the mean of the directions of all cells' keys of the same head;
 * from -1 to 1, averaged over layers and key heads. Keys of zeros have no direction: 0. O(n * d) for each layer.
 * @param candidates positions, shape [n]
 * @returns shape [n]
 */
export function keyDifference(keys: CachedKeys, candidates: Int32Array): Float32Array {
  const { positions, headSize, layers } = keys
  const rows = rowsOf(keys, candidates)
  const cosines = new Float64Array(rows.length)
  let heads = 0
  for (const layer of layers()) {
    for (const head of headsOf(layer, positions.length, headSize)) {
      heads++
      const { scales, sum } = sumOfDirections(head)
      const length = Math.hypot(...sum)
      if (length === 0) continue
      const products = productsWith(head, sum, rows)
      for (let i = 0; i < rows.length; i++) {
        const cosine = ((products[i] as number) * (scales[rows[i] as number] as number)) / length
        cosines[i] = (cosines[i] as number) + cosine
      }
    }
  }
  return Float32Array.from(cosines, (sum) => -sum / heads)
}

/** One over each key's length, 0 for zeros, shape [rows]; the sum of the keys' directions, shape [size]. */
export function sumOfDirections(head: HeadRows): { readonly scales: Float64Array; readonly sum: Float64Array } {
  const scales = lengthsOf(head).map((length) => (length > 0 ? 1 / length : 0))
  return { scales, sum: weightedSum(head, scales) }
}
