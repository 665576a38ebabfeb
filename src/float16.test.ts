import { expect, test } from 'vitest'
import { float16Values, isFiniteFloat16 } from './float16.ts'

test.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x0001, 2 ** -24],
  [0x7bff, 65_504],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
  [0x7e00, NaN],
])('%i is %d', (bits, value) => {
  expect(float16Values()[bits]).toBe(value)
  expect(isFiniteFloat16(bits)).toBe(Number.isFinite(value))
})
