import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { meanPassAtK, passAt1, passAtK } from './pass-at-k.ts'

/** All subsets of k of the list, as bit patterns. */
function bruteForce(verdicts: readonly boolean[], k: number): number {
  let subsets = 0
  let passed = 0
  for (let bits = 0; bits < 2 ** verdicts.length; bits++) {
    const drawn = verdicts.filter((_, i) => (bits >> i) & 1)
    if (drawn.length !== k) continue
    subsets++
    if (drawn.includes(true)) passed++
  }
  return passed / subsets
}

const verdicts = fc.array(fc.boolean(), { minLength: 1, maxLength: 10 })
const withK = verdicts.chain((list) => fc.tuple(fc.constant(list), fc.integer({ min: 1, max: list.length })))
const right = (list: readonly boolean[]) => list.filter(Boolean).length
const samplesOf = (items: readonly (readonly boolean[])[]) =>
  items.flatMap((list, i) => list.map((verdict) => ({ item: `${i}`, right: verdict })))

describe('passAtK', () => {
  test('is the share of the subsets with a right sample', () => {
    fc.assert(
      fc.property(withK, ([list, k]) => {
        expect(passAtK(list.length, right(list), k)).toBeCloseTo(bruteForce(list, k), 10)
      }),
    )
  })

  test('known values', () => {
    expect(passAtK(5, 2, 1)).toBeCloseTo(0.4, 12)
    expect(passAtK(5, 0, 5)).toBe(0)
    expect(passAtK(5, 1, 5)).toBe(1)
    // 1 - C(190, 100) / C(200, 100)
    expect(passAtK(200, 10, 100)).toBeCloseTo(0.9992, 4)
  })

  test.each([
    [5, 6, 1],
    [5, -1, 1],
    [5, 1, 6],
    [5, 1, 0],
    [5, 1.5, 1],
    [0, 0, 1],
  ])('refuses n %d, c %d, k %d', (n, c, k) => expect(() => passAtK(n, c, k)).toThrow(RangeError))
})

describe('over items', () => {
  test('Pass@1 is the mean of the items’ means, not of the samples', () => {
    const samples = samplesOf([[true], [false, false, false]])
    expect(passAt1(samples)).toMatchObject({ mean: 0.5, items: 2 })
  })

  test('Pass@1 equals the estimator with k = 1', () => {
    fc.assert(
      fc.property(fc.array(verdicts, { minLength: 1, maxLength: 6 }), (items) => {
        const samples = samplesOf(items)
        expect(meanPassAtK(samples, 1).mean).toBeCloseTo(passAt1(samples).mean, 10)
      }),
      { numRuns: 20 },
    )
  })

  test('an item with fewer than k samples is refused by name', () => {
    const samples = samplesOf([[true, false], [true]])
    expect(() => meanPassAtK(samples, 2)).toThrow(/Pass@2.*item 1 has 1/)
    expect(() => meanPassAtK(samples, 0)).toThrow(expect.objectContaining({ code: 'too_few_samples' }) as Error)
  })
})
