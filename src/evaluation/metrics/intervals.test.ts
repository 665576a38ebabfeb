import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../../mulberry32.ts'
import { bootstrapInterval } from './intervals.ts'

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
