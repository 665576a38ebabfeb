/**
 * How unlike the others a cell's keys are.
 *
 * Source: KeyDiff, arXiv 2504.15364: similarity to the mean direction of all keys.
 */
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
  const all = positions.length
  const rows = rowsOf(keys, candidates)
  const cosines = new Float64Array(rows.length)
  let heads = 0
  for (const layer of layers()) {
    const ofLayer = layer.length / all / headSize
    const { lengths, sum } = keys.directions(layer, { heads: ofLayer })
    const products = keys.products(sum, layer, { heads: ofLayer })
    for (let head = 0; head < ofLayer; head++) {
      const anchor = Math.hypot(...sum.subarray(head * headSize, (head + 1) * headSize))
      for (let i = 0; i < rows.length; i++) {
        const at = head * all + (rows[i] as number)
        const length = (lengths[at] as number) * anchor
        if (length > 0) cosines[i] = (cosines[i] as number) + (products[at] as number) / length
      }
    }
    heads += ofLayer
  }
  return Float32Array.from(cosines, (sum) => -sum / heads)
}
