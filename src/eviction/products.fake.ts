/** What the engine computes for policies, without an engine. */
import type { CachedKeys } from './policy.ts'

/** See `CachedKeys.products`; as strict as the engine. */
export function fakeProducts(headSize: number): CachedKeys['products'] {
  return (a, b, { size = headSize, heads = 1 } = {}) => {
    const width = size * heads
    const [vectors, rows] = [a.length / width, b.length / width]
    for (const count of [vectors, rows]) {
      if (!Number.isInteger(count) || count < 1) throw new RangeError(`${count} vectors`)
    }
    if (vectors > 256) throw new RangeError(`${vectors} vectors`)
    return Float32Array.from({ length: heads * vectors * rows }, (_, i) => {
      const [vector, row] = [Math.floor(i / rows), i % rows]
      const head = Math.floor(vector / vectors)
      let sum = 0
      for (let k = 0; k < size; k++) sum += (a[vector * size + k] ?? 0) * (b[row * width + head * size + k] ?? 0)
      return sum
    })
  }
}
