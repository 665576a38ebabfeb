/** How large the cached keys are. */
import { headsOf, lengthsOf } from './head-rows.ts'
import type { CachedKeys } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'

/** Norm of each candidate's key, averaged over layers and key heads. @param candidates positions, shape [n] @returns shape [n] */
export function keyNorms(keys: CachedKeys, candidates: Int32Array): Float32Array {
  const sums = new Float64Array(candidates.length)
  let heads = 0
  for (const layer of keys.layers(rowsOf(keys, candidates))) {
    for (const head of headsOf(layer, candidates.length, keys.headSize)) {
      const lengths = lengthsOf(head)
      for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (lengths[i] as number)
      heads++
    }
  }
  return Float32Array.from(sums, (sum) => sum / heads)
}
