import { afterEach, expect, test, vi } from 'vitest'
import { keyRotation, rotateBack, valueRotation } from './hadamard.ts'

afterEach(() => vi.unstubAllEnvs())

/** Sylvester's matrix: the sign at (i, j) is that of the number of common bits. */
const sign = (i: number, j: number) => ((i & j).toString(2).replaceAll('0', '').length % 2 === 0 ? 1 : -1)

test.each([1, 2, 8, 64, 128])('runs of %i numbers are multiplied by the matrix, and twice is back', (size) => {
  const values = Float32Array.from({ length: 3 * size }, (_, i) => Math.sin(i * i + 1))
  const rotated = values.slice()
  rotateBack(rotated, size)
  for (let start = 0; start < values.length; start += size) {
    for (let i = 0; i < size; i++) {
      let sum = 0
      for (let j = 0; j < size; j++) sum += sign(i, j) * values[start + j]!
      expect(rotated[start + i]).toBeCloseTo(sum / Math.sqrt(size), 5)
    }
  }
  rotateBack(rotated, size)
  for (const [i, value] of values.entries()) expect(rotated[i]).toBeCloseTo(value, 5)
})

test('how many numbers are rotated together', () => {
  expect([64, 128, 192, 256, 320].map(keyRotation)).toEqual([64, 128, 64, 256, 64])
  expect([64, 128, 192].map(valueRotation)).toEqual([64, 64, 64])
  expect([0, 32, 80, 96].map(keyRotation)).toEqual([0, 0, 0, 0])
  vi.stubEnv('LLAMA_ATTN_ROT_DISABLE', '1')
  expect([keyRotation(128), valueRotation(128)]).toEqual([0, 0])
})
