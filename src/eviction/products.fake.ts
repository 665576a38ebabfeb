/** What the engine computes for policies, without an engine. */
import type { CachedKeys } from './policy.ts'

/** See `CachedKeys`. */
export function fakeArithmetic(headSize: number): Pick<CachedKeys, 'products' | 'directions'> {
  return { products: fakeProducts(headSize), directions: fakeDirections(headSize) }
}

function fakeDirections(headSize: number): CachedKeys['directions'] {
  return (b, { size = headSize, heads = 1 } = {}) => {
    const rows = b.length / size / heads
    const vectorOf = (head: number, row: number) => [...b.subarray((row * heads + head) * size).subarray(0, size)]
    const each = <T>(of: (head: number) => T[]) => Array.from({ length: heads }, (_, head) => of(head)).flat()
    const vectors = each((head) => Array.from({ length: rows }, (_, row) => vectorOf(head, row)))
    const lengths = vectors.map((vector) => Math.hypot(...vector))
    const sum = each((head) =>
      Array.from({ length: size }, (_, i) => {
        const [start, end] = [head * rows, (head + 1) * rows]
        return vectors
          .slice(start, end)
          .reduce((all, vector, row) => all + (vector[i] ?? 0) / (lengths[start + row] || 1), 0)
      }),
    )
    return { lengths: Float32Array.from(lengths), sum: Float32Array.from(sum) }
  }
}

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
