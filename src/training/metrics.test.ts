import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { importanceOracle } from '../../test/oracle.ts'
import { cpuMs } from '../../test/support/cpu-time.ts'
import { meanOf, transformTarget } from '../predictor/target.ts'
import { averageFigures, evaluateTrace, kendallTauB, meanSquaredError, overlapOfTop } from './metrics.ts'

/** Few different values, so that ties are common. */
const value = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.double({ noNaN: true, min: -10, max: 10 }))
const pairs = fc.array(fc.tuple(value, value), { maxLength: 60 })
const columns = (rows: [number, number][]) => [rows.map(([a]) => a), rows.map(([, b]) => b)] as const

/** Tau-b by its definition: every pair looked at. */
function tauByPairs(a: readonly number[], b: readonly number[]): number {
  let [sum, pairsOfA, pairsOfB] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      const [x, y] = [Math.sign(a[i]! - a[j]!), Math.sign(b[i]! - b[j]!)]
      sum += x * y
      pairsOfA += x * x
      pairsOfB += y * y
    }
  }
  return sum / Math.sqrt(pairsOfA * pairsOfB)
}

describe('Kendall’s tau-b', () => {
  test('is what looking at every pair gives', () => {
    fc.assert(
      fc.property(pairs, (rows) => {
        const [a, b] = columns(rows)
        const expected = tauByPairs(a, b)
        if (Number.isNaN(expected)) expect(kendallTauB(a, b)).toBeNaN()
        else expect(kendallTauB(a, b)).toBeCloseTo(expected, 10)
      }),
    )
  })

  test('of a known example with ties', () => {
    // scipy.stats.kendalltau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]) is -0.4714045207910316
    expect(kendallTauB([12, 2, 1, 12, 2], [1, 4, 7, 1, 0])).toBeCloseTo(-0.4714045207910316, 12)
  })

  test('is not defined for a constant side, for NaN, or without pairs', () => {
    for (const [a, b] of [
      [
        [1, 1, 1],
        [1, 2, 3],
      ],
      [
        [1, 2, 3],
        [5, 5, 5],
      ],
      [
        [1, NaN, 3],
        [1, 2, 3],
      ],
      [[1], [2]],
      [[], []],
    ] as const) {
      expect(kendallTauB(a, b)).toBeNaN()
    }
  })

  test('of a long trace takes milliseconds', () => {
    const a = Float32Array.from({ length: 18_000 }, (_, i) => Math.sin(i * i))
    const b = Float32Array.from({ length: 18_000 }, (_, i) => Math.sin(i * i + 0.3))
    const start = process.cpuUsage()
    kendallTauB(a, b)
    expect(cpuMs(start)).toBeLessThan(1000)
  })
})

describe('overlap of top sets', () => {
  test('is what ranking every token gives', () => {
    fc.assert(
      fc.property(pairs, fc.constantFrom(20, 30, 70), (rows, p) => {
        const [truth, predicted] = columns(rows)
        const n = truth.length
        /** How many tokens come before token i: higher ones, and of equals the newer. */
        const rank = (values: readonly number[], i: number) =>
          values.filter((v, j) => v > values[i]! || (v === values[i]! && j > i)).length
        const important = truth.map((_, i) => i).filter((i) => rank(truth, i) < Math.floor((n * 20) / 100))
        const found = important.filter((i) => rank(predicted, i) < Math.floor((n * p) / 100))
        const expected = found.length / important.length
        if (important.length === 0) expect(overlapOfTop(truth, predicted, p)).toBeNaN()
        else expect(overlapOfTop(truth, predicted, p)).toBeCloseTo(expected, 12)
      }),
    )
  })

  test('seven tenths of ten are seven', () => {
    const truth = [9, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    // The two important tokens are the sixth and the seventh of the prediction.
    const predicted = [5, 4, 10, 9, 8, 7, 6, 3, 2, 1]
    expect([50, 60, 70].map((p) => overlapOfTop(truth, predicted, p))).toEqual([0, 0.5, 1])
  })

  test('of equal scores the newer token is chosen', () => {
    expect(overlapOfTop([0, 0, 0, 0, 1], [1, 1, 1, 1, 1], 20)).toBe(1)
    expect(overlapOfTop([1, 0, 0, 0, 0], [1, 1, 1, 1, 1], 20)).toBe(0)
  })
})

describe('figures', () => {
  test('each is computed for each trace and then averaged: the oracle’s summary', () => {
    const { summary, traces } = importanceOracle()
    const figures = averageFigures(
      traces.map(({ importance, predicted }) => {
        const target = transformTarget('power:0.3', Float32Array.from(importance), meanOf(importance))
        return evaluateTrace(importance, target, predicted)
      }),
    )
    expect(figures.traces).toBe(summary.traces)
    expect(figures.mse).toBeCloseTo(summary.mse, 5)
    // The fixture's predictions are rounded, which makes ties that the independent code did not have.
    expect(figures.kendallTau).toBeCloseTo(summary.kendallTau, 3)
    for (const [p, overlap] of Object.entries(summary.overlapOfTop20))
      expect(figures.overlap[p]).toBeCloseTo(overlap, 5)
    expect(Object.keys(figures.overlap)).toEqual(['20', '30', '40', '50', '60', '70', '80', '90'])
  })

  test('constant predictions find no order; a trace without an order is left out of tau', () => {
    const constant = evaluateTrace([1, 2, 3], [1, 2, 3], [7, 7, 7])
    const orderless = evaluateTrace([2, 2, 2], [2, 2, 2], [1, 2, 3])
    expect(constant.kendallTau).toBe(0)
    expect(orderless.kendallTau).toBeNaN()
    const right = evaluateTrace([1, 2, 3], [1, 2, 3], [1, 2, 3])
    expect(averageFigures([orderless, right, constant]).kendallTau).toBe(0.5)
  })

  test('a prediction that is no number is not averaged away', () => {
    const diverged = evaluateTrace([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [NaN, NaN, NaN, NaN, NaN])
    const right = evaluateTrace([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5])
    expect(averageFigures([right, diverged]).mse).toBeNaN()
    expect(averageFigures([right, diverged])).toMatchObject({ kendallTau: 0.5 })
  })

  test('the squared error is a mean over tokens', () => {
    expect(meanSquaredError([1, 2, 4], [1, 3, 1])).toBeCloseTo(10 / 3, 12)
  })
})
