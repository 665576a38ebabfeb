import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../../mulberry32.ts'
import { estimate, itemMeans, pairedDifference, pairedRatio } from './estimate.ts'

const values = (numbers: readonly number[]) => new Map(numbers.map((value, i) => [`item-${i}`, value]))
const numbers = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 5, maxLength: 20 })

describe('itemMeans', () => {
  test('is the mean over the samples of an item, however they are mixed', () => {
    const samples = [
      { item: 'a', value: 1 },
      { item: 'b', value: 5 },
      { item: 'a', value: 2 },
      { item: 'a', value: 6 },
    ]
    expect([...itemMeans(samples, ({ value }) => value)]).toEqual([
      ['a', 3],
      ['b', 5],
    ])
  })
})

describe('estimate', () => {
  test('the mean lies in its interval, and the order of the items does not matter', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const result = estimate(values(list))
        expect(result.mean).toBeCloseTo(list.reduce((a, b) => a + b, 0) / list.length, 9)
        expect(result.interval!.low).toBeLessThanOrEqual(result.mean + 1e-9)
        expect(result.interval!.high).toBeGreaterThanOrEqual(result.mean - 1e-9)
        expect(estimate(new Map([...values(list)].reverse()))).toEqual(result)
      }),
      { numRuns: 20 },
    )
  })

  test('items count, not samples: more samples of the same items do not narrow the interval', () => {
    const draw = mulberry32(3)
    const samples = Array.from({ length: 40 }, (_, i) => ({ item: `${i}`, right: draw() < 0.5 }))
    const once = estimate(itemMeans(samples, ({ right }) => Number(right)))
    const fiveTimes = estimate(itemMeans([...samples, ...samples, ...samples, ...samples, ...samples], (s) => +s.right))
    expect(fiveTimes).toEqual(once)
    expect(once.interval!.high - once.interval!.low).toBeGreaterThan(0.2)
  })

  test('has no interval below five items, and one from there on', () => {
    expect(estimate(values([0, 1, 1, 0]))).toEqual({ mean: 0.5, interval: null, items: 4 })
    expect(estimate(values([0, 1, 1, 0, 1])).interval).toMatchObject({ high: 1 })
  })

  test('of nothing is refused', () => {
    expect(() => estimate(new Map())).toThrow(expect.objectContaining({ code: 'no_samples' }) as Error)
  })
})

describe('pairedDifference', () => {
  test('uses the common items only', () => {
    const a = new Map([
      ['x', 1],
      ['y', 1],
      ['only a', 100],
    ])
    const b = new Map([
      ['y', 0],
      ['only b', -100],
      ['x', 0.5],
    ])
    expect(pairedDifference(a, b)).toMatchObject({ mean: 0.75, items: 2, interval: null })
  })

  test('to itself is nothing, the other way round it is mirrored', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const a = values(list)
        const b = values(list.map((value, i) => value + Math.sin(i)))
        expect(pairedDifference(a, a)).toMatchObject({ mean: 0, interval: { low: 0, high: 0 } })
        expect(pairedDifference(a, b)!.mean).toBeCloseTo(-pairedDifference(b, a)!.mean, 9)
      }),
      { numRuns: 20 },
    )
  })

  test('sees what the two means alone would not: pairs take the items’ own hardness out', () => {
    const draw = mulberry32(5)
    const hardness = Array.from({ length: 100 }, () => (draw() < 0.5 ? 0 : 1))
    const { interval } = pairedDifference(values(hardness.map((value) => value + 0.05)), values(hardness))!
    expect(interval!.low).toBeGreaterThan(0.049)
    const alone = estimate(values(hardness)).interval!
    expect(alone.high - alone.low).toBeGreaterThan(0.15)
  })

  test('without a common item there is none', () => {
    expect(pairedDifference(new Map([['a', 1]]), new Map([['b', 1]]))).toBeNull()
  })
})

describe('pairedRatio', () => {
  test('is that of the means over the common items, not the mean of the ratios', () => {
    const a = new Map([...values([10, 300]), ['only a', 5]])
    const b = new Map([...values([20, 100]), ['only b', 7]])
    expect(pairedRatio(a, b)).toEqual({ mean: 310 / 120, interval: null, items: 2 })
    expect(pairedRatio(new Map(), b)).toBeNull()
    expect(pairedRatio(values([1]), values([0]))).toBeNull()
  })

  test('of what is twice as long everywhere its interval is one point, of noise it holds the ratio', () => {
    const draw = mulberry32(2)
    const b = Array.from({ length: 60 }, () => 50 + 100 * draw())
    const twice = pairedRatio(values(b.map((value) => 2 * value)), values(b))!
    expect(twice.interval!.low).toBeCloseTo(2, 9)
    expect(twice.interval!.high).toBeCloseTo(2, 9)
    const { mean, interval } = pairedRatio(values(b.map(() => 150 + 20 * draw())), values(b))!
    expect(interval!.low).toBeLessThan(mean)
    expect(interval!.high).toBeGreaterThan(mean)
    expect(interval!.high - interval!.low).toBeLessThan(0.5)
  })
})
