/** Float16 bit patterns: their values by a table, which is many times faster than converting each, and their check. */
import { Float16Array } from '@petamoriken/float16'

let table: Float32Array | undefined

/** The values of all 65,536 bit patterns, by pattern. */
export function float16Values(): Float32Array {
  table ??= Float32Array.from(new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).buffer))
  return table
}

/** Infinity and NaN have all bits of the exponent set. */
export function isFiniteFloat16(bits: number): boolean {
  return (bits & 0x7c00) !== 0x7c00
}
