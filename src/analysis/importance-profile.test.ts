import fc from 'fast-check'
import { expect, test } from 'vitest'
import { importanceProfile, summariseProfiles, type TraceProfile } from './importance-profile.ts'
import { publishedProfiles } from './published-profiles.ts'

const profile = (importance: number[], prompt: number[]) =>
  importanceProfile(Float32Array.from(importance), Float32Array.from(prompt))

test('a trace of ten tokens, by hand', () => {
  const { byPosition, ...figures } = profile([8, 1, 0, 1, 0, 2, 0, 1, 1, 6], [6, 2])
  expect(figures).toMatchObject({ promptTokens: 2, thinkingTokens: 10, mean: 2, aboveMean: 0.2, promptRatio: 2 })
  // 8 and 6 of 20.
  expect(figures.topShare).toBe(0.7)
  // Ascending 0 0 0 1 1 1 1 2 6 8 with the weights -9 -7 -5 -3 -1 1 3 5 7 9: 0 + 10 + 42 + 72, by 10 x 20.
  expect(figures.gini).toBeCloseTo(124 / 200, 12)
  // Each token has the first of its two bins.
  expect(byPosition.filter((_, bin) => bin % 2 === 0)).toEqual([4, 0.5, 0, 0.5, 0, 1, 0, 0.5, 0.5, 3])
  expect(byPosition.filter((_, bin) => bin % 2 === 1)).toEqual(Array.from({ length: 10 }, () => NaN))
})

test('bins of relative position take floor(20 i / n)', () => {
  const { byPosition } = profile([3, 1, ...Array.from({ length: 38 }, () => 1), 3], [1])
  const mean = 45 / 41
  // 41 tokens: three in the first bin, two in each other.
  expect(byPosition[0]).toBeCloseTo(5 / 3 / mean, 12)
  expect(byPosition.at(-1)).toBeCloseTo(2 / mean, 12)
  expect(byPosition).toHaveLength(20)
})

test('tokens that all have the same are spread as evenly as can be, and one that has all as unevenly', () => {
  expect(profile([2, 2, 2, 2, 2], [2])).toMatchObject({ aboveMean: 0, topShare: 0.2, gini: 0, promptRatio: 1 })
  const one = profile([0, 0, 0, 0, 5], [0])
  expect(one).toMatchObject({ aboveMean: 0.2, topShare: 1, promptRatio: 0 })
  expect(one.gini).toBeCloseTo(0.8, 12)
})

test('what is not defined is no number', () => {
  expect(profile([1, 2], [1]).topShare).toBe(NaN)
  const none = profile([0, 0, 0, 0, 0], [0])
  expect([none.topShare, none.gini, none.promptRatio]).toEqual([NaN, NaN, NaN])
  expect(none.aboveMean).toBe(0)
})

test('Gini is the mean difference of all pairs by twice the mean', () => {
  const positive = fc.double({ min: 0.001, max: 10, noNaN: true })
  fc.assert(
    fc.property(fc.array(positive, { minLength: 1, maxLength: 12 }), (values) => {
      const floats = [...Float32Array.from(values)]
      const sum = floats.reduce((total, value) => total + value, 0)
      const differences = floats.flatMap((a) => floats.map((b) => Math.abs(a - b)))
      const expected = differences.reduce((total, value) => total + value, 0) / (2 * floats.length * sum)
      expect(profile(values, [1]).gini).toBeCloseTo(expected, 10)
    }),
  )
})

test('over traces: a question counts once, and a figure only where it is defined', () => {
  const of = (id: string, question: string, values: number[]): TraceProfile => ({
    id,
    question,
    ...profile(values, [4]),
  })
  const summary = summariseProfiles([
    of('a#0', 'a', [1, 1, 1, 1, 6]),
    of('a#1', 'a', [1, 1, 1, 1, 1]),
    of('b#0', 'b', [1, 3]),
  ])
  expect(summary).toMatchObject({ traces: 3, questions: 2, thinkingTokens: 12 })
  expect(summary.figures.aboveMean).toMatchObject({ mean: (0.1 + 0.5) / 2, items: 2, interval: null })
  expect(summary.figures.topShare).toMatchObject({ mean: (0.6 + 0.2) / 2, items: 1 })
  expect(summary.figures.promptRatio!.mean).toBe((3 + 2) / 2)
  expect(summary.aboveMeanRange).toEqual({ least: 0, most: 0.5 })
  // Bin 0: 1/2 and 1 of question a, 1/2 of b. Bin 10: b's second token only. Bin 16: a's last.
  expect(summary.byPosition[0]!.mean).toBe((0.75 + 0.5) / 2)
  expect(summary.byPosition[10]).toMatchObject({ mean: 1.5, items: 1 })
  expect(summary.byPosition[16]!.mean).toBe(2)
  expect(summary.byPosition[1]).toBe(null)
})

test('the published shares are of 13 traces, from 0.125 to 0.281', () => {
  const shares = publishedProfiles.map(({ aboveMean }) => aboveMean)
  expect([shares.length, Math.min(...shares), Math.max(...shares)]).toEqual([13, 0.125, 0.281])
  expect(publishedProfiles.map(({ task }) => task).filter((task) => task === 'MATH500')).toHaveLength(2)
})
