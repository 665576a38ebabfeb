import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import { entropyOf } from './entropy.ts'

/** -sum p ln p, as it is written. */
function naive(logits: Float32Array): number {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0)
  return Array.from(logits, (logit) => Math.exp(logit - max) / total).reduce(
    (sum, p) => (p > 0 ? sum - p * Math.log(p) : sum),
    0,
  )
}

test('closed forms: alike tokens, a certain one, three to one, and tokens that cannot come', () => {
  expect(entropyOf(new Float32Array(152_064).fill(-3))).toBeCloseTo(Math.log(152_064), 9)
  expect(entropyOf(Float32Array.of(0, 90, -5))).toBe(0)
  expect(entropyOf(Float32Array.of(4))).toBe(0)
  const three = entropyOf(Float32Array.of(Math.log(3), 0))
  expect(three).toBeCloseTo(2 * Math.log(2) - 0.75 * Math.log(3), 6)
  expect(entropyOf(Float32Array.of(-Infinity, 7, -Infinity, 7))).toBeCloseTo(Math.log(2), 12)
})

test('-sum p ln p of any logits, which stay as they are', () => {
  const logits = fc.float32Array({ minLength: 1, maxLength: 60, min: -60, max: 60, noNaN: true })
  fc.assert(
    fc.property(logits, (values) => {
      const before = values.slice()
      expect(Math.abs(entropyOf(values) - naive(values))).toBeLessThan(1e-8)
      expect(values).toEqual(before)
    }),
  )
})

test('the many small shares of a large vocabulary add up', () => {
  const random = mulberry32(5)
  const logits = Float32Array.from({ length: 152_064 }, () => 30 * random() - 15)
  expect(Math.abs(entropyOf(logits) - naive(logits))).toBeLessThan(1e-8)
})
