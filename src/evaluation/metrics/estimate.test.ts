import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../../mulberry32.ts'
import { estimate, itemMeans, pairedDifference } from './estimate.ts'

const values = (numbers: readonly number[]) => new Map(numbers.map((value, i) => [`item-${i}`, value]))
const numbers = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 20 })

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
        expect(result.interval.low).toBeLessThanOrEqual(result.mean + 1e-9)
        expect(result.interval.high).toBeGreaterThanOrEqual(result.mean - 1e-9)
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
    expect(once.interval.high - once.interval.low).toBeGreaterThan(0.2)
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
    expect(pairedDifference(a, b)).toMatchObject({ mean: 0.75, items: 2, interval: { low: 0.5, high: 1 } })
  })

  test('to itself is nothing, the other way round it is mirrored', () => {
    fc.assert(
      fc.property(numbers, (list) => {
        const a = values(list)
        const b = values(list.map((value, i) => value + Math.sin(i)))
        expect(pairedDifference(a, a)).toMatchObject({ mean: 0, interval: { low: 0, high: 0 } })
        expect(pairedDifference(a, b).mean).toBeCloseTo(-pairedDifference(b, a).mean, 9)
      }),
      { numRuns: 20 },
    )
  })

  test('sees what the two means alone would not: pairs take the items’ own hardness out', () => {
    const draw = mulberry32(5)
    const hardness = Array.from({ length: 100 }, () => (draw() < 0.5 ? 0 : 1))
    const { interval } = pairedDifference(values(hardness.map((value) => value + 0.05)), values(hardness))
    expect(interval.low).toBeGreaterThan(0.049)
    expect(estimate(values(hardness)).interval.high - estimate(values(hardness)).interval.low).toBeGreaterThan(0.15)
  })

  test('without a common item is refused', () => {
    expect(() => pairedDifference(new Map([['a', 1]]), new Map([['b', 1]]))).toThrow(/no item in common/)
  })
})
