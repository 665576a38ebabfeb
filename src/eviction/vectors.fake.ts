/** Keys or values as the engine gives them, from arrays. */
import type { CachedVectors } from './policy.ts'

/** @param layers each of as many rows as there are positions */
export function fakeVectors(positions: Int32Array, headSize: number, layers: () => Float32Array[]): CachedVectors {
  const read = (rows?: Int32Array) =>
    layers().map((layer) => {
      const width = layer.length / positions.length
      if (!rows) return layer
      return Float32Array.from([...rows].flatMap((row) => [...layer.subarray(row * width, (row + 1) * width)]))
    })
  return { positions, headSize, layers: read, channels: read }
}
