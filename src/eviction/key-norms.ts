/** How large the cached keys are. */
import type { CachedKeys } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'

/** Norm of each candidate's key, averaged over layers and key heads. @param candidates positions, shape [n] @returns shape [n] */
export function keyNorms(keys: CachedKeys, candidates: Int32Array): Float32Array {
  const { length } = candidates
  const sums = new Float64Array(length)
  let heads = 0
  for (const layer of keys.layers(rowsOf(keys, candidates))) {
    const ofLayer = layer.length / length / keys.headSize
    const { lengths } = keys.directions(layer, { heads: ofLayer })
    for (let at = 0; at < lengths.length; at += length)
      for (let i = 0; i < length; i++) sums[i] = (sums[i] as number) + (lengths[at + i] as number)
    heads += ofLayer
  }
  return Float32Array.from(sums, (sum) => sum / heads)
}
