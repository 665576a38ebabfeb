import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import { bootstrapInterval, wilsonInterval } from './intervals.ts'

describe('wilsonInterval', () => {
  test('ends where the share would be 1.96 standard errors away', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.integer({ min: 1, max: 1000 }), (count, more) => {
        const total = count + more
        const { low, high } = wilsonInterval(count, total)
        for (const bound of [low, high]) {
          const error = Math.sqrt((bound * (1 - bound)) / total)
          expect(Math.abs(count / total - bound)).toBeCloseTo(1.959964 * error, 6)
        }
      }),
    )
  })

  test('holds the share, stays within 0 and 1, and is symmetric', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (right, wrong) => {
        const { low, high } = wilsonInterval(right, right + wrong)
        const mirrored = wilsonInterval(wrong, right + wrong)
        expect(low).toBeGreaterThanOrEqual(0)
        expect(high).toBeLessThanOrEqual(1)
        expect(low).toBeCloseTo(1 - mirrored.high, 10)
        if (right + wrong > 0) {
          expect(low).toBeLessThanOrEqual(right / (right + wrong) + 1e-12)
          expect(high).toBeGreaterThanOrEqual(right / (right + wrong) - 1e-12)
        }
      }),
    )
  })
})

describe('bootstrapInterval', () => {
  test('agrees with the normal approximation for many values', () => {
    const draw = mulberry32(7)
    const values = Array.from({ length: 400 }, () => draw())
    const mean = values.reduce((sum, value) => sum + value, 0) / 400
    const half = 1.96 * Math.sqrt(1 / 12 / 400)
    const { low, high } = bootstrapInterval(values, 1)
    expect(Math.abs(low - (mean - half))).toBeLessThan(0.004)
    expect(Math.abs(high - (mean + half))).toBeLessThan(0.004)
  })

  test('depends on the seed only', () => {
    const values = [1, 0, -1, 0, 1, 1]
    expect(bootstrapInterval(values, 3)).toEqual(bootstrapInterval(values, 3))
  })

  test('of equal values is one point', () => {
    expect(bootstrapInterval([0.5, 0.5, 0.5], 1)).toEqual({ low: 0.5, high: 0.5 })
    expect(bootstrapInterval([], 1)).toEqual({ low: 0, high: 0 })
  })
})
