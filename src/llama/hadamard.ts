/**
 * The rotation of a quantised cache. llama.cpp (v0.5) multiplies the keys and values of each head by a Hadamard matrix before it
 * quantises them, which spreads outliers over all numbers. The matrix is symmetric and its own inverse.
 */

/** Heads of which this many numbers are no whole multiple are not rotated. */
const least = 64

/** How many numbers of a key are rotated together in a quantised cache: the largest power of two that divides the head. 0: none. */
export function keyRotation(headSize: number): number {
  return isRotated(headSize) ? headSize & -headSize : 0
}

/** As `keyRotation`, of values: always 64. */
export function valueRotation(headSize: number): number {
  return isRotated(headSize) ? least : 0
}

/** llama.cpp reads the variable when it makes a cache. */
function isRotated(headSize: number): boolean {
  const isOff = Number.parseInt(process.env['LLAMA_ATTN_ROT_DISABLE'] ?? '0', 10) !== 0
  return headSize > 0 && headSize % least === 0 && !isOff
}

/**
 * Multiplies each run of `size` numbers, a power of two, by the Hadamard matrix of that size over its root, in place. Twice is once
 * back. O(n log size).
 */
export function rotateBack(values: Float32Array, size: number): void {
  const scale = 1 / Math.sqrt(size)
  for (let start = 0; start < values.length; start += size) {
    for (let half = 1; half < size; half *= 2) {
      for (let pair = start; pair < start + size; pair += 2 * half) {
        for (let i = pair; i < pair + half; i++) {
          const a = values[i] as number
          const b = values[i + half] as number
          values[i] = a + b
          values[i + half] = a - b
        }
      }
    }
    for (let i = start; i < start + size; i++) values[i] = (values[i] as number) * scale
  }
}
