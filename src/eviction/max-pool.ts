/**
 * The largest value within `width` (odd) neighbours around each, stride 1; at the ends there are fewer. Shape [n] for [n].
 */
export function maxPool(values: Float32Array, width: number): Float32Array {
  const reach = (width - 1) / 2
  return values.map((_, i) => {
    let largest = -Infinity
    const end = Math.min(values.length, i + reach + 1)
    for (let j = Math.max(0, i - reach); j < end; j++) largest = Math.max(largest, values[j] ?? -Infinity)
    return largest
  })
}
