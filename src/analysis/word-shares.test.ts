import { expect, test } from 'vitest'
import { publishedContentRange, publishedWords } from './published-words.ts'
import { summariseWords, wordShares, type TraceWordShares } from './word-shares.ts'
import type { WordClass } from './word-tagger.ts'

const names = { c: 'content', f: 'function', s: 'symbol' } as const
const shares = (classes: string, importance: number[]) =>
  wordShares(
    Array.from(classes, (letter): WordClass => names[letter as keyof typeof names]),
    Float32Array.from(importance),
  )

test('twenty tokens, two in each tenth, by hand', () => {
  const importance = Array.from({ length: 20 }, (_, i) => (i * 7) % 20)
  // By falling importance: 17 14 | 11 8 | 5 2 | 19 16 | 13 10 | 7 4 | 1 18 | 15 12 | 9 6 | 3 0.
  const { thinkingTokens, all, byDecile } = shares('cffccsfcffccsfcffccs', importance)
  expect(thinkingTokens).toBe(20)
  expect(all).toEqual({ content: 0.45, function: 0.4, symbol: 0.15 })
  expect(byDecile.map(({ content }) => content)).toEqual([1, 0.5, 0, 0, 0.5, 1, 0.5, 0, 0, 1])
  expect(byDecile.map(({ symbol }) => symbol)).toEqual([0, 0, 0.5, 0.5, 0, 0, 0, 0.5, 0, 0])
})

test('of equal importance the newer token comes first; a tenth without a token has no shares', () => {
  const { byDecile } = shares('cfs', [1, 1, 1])
  // Token i of 3 by rank is in tenth floor(10 i / 3).
  expect(byDecile.map((each) => Object.entries(each).find(([, share]) => share === 1)?.[0])).toEqual([
    ...['symbol', undefined, undefined, 'function', undefined, undefined, 'content'],
    ...[undefined, undefined, undefined],
  ])
  expect(byDecile[1]).toEqual({ content: NaN, function: NaN, symbol: NaN })
})

test('traces of a question count once, and undefined tenths not at all', () => {
  const trace = (id: string, classes: string, importance: number[]): TraceWordShares => ({
    ...{ id, question: id.slice(0, 1) },
    ...shares(classes, importance),
  })
  const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
  const summary = summariseWords([
    trace('a0', 'cccccccccc', ten),
    trace('a1', 'ffffffffff', ten),
    trace('b0', 'cffffffffs', ten),
    trace('c0', 'f', [1]),
  ])
  expect(summary).toMatchObject({ traces: 4, questions: 3, thinkingTokens: 31 })
  expect(summary.byDecile[0]?.content).toMatchObject({ mean: (0.5 + 1 + 0) / 3, interval: null, items: 3 })
  expect(summary.byDecile[9]?.symbol).toMatchObject({ mean: 0.5, items: 2 })
  expect(summary.contentDifference).toMatchObject({ mean: (0 + 1) / 2, items: 2 })
  expect(summary.all.content?.mean).toBeCloseTo((0.5 + 0.1 + 0) / 3, 12)
})

test('published: ten falling shares of each of twelve tasks', () => {
  expect(publishedWords).toHaveLength(12)
  expect(publishedWords.every(({ content }) => content.length === 10 && content[1]! > content[9]!)).toBe(true)
  expect(publishedContentRange[0]).toEqual([0.375, 0.566])
  expect(publishedContentRange[9]).toEqual([0.19, 0.363])
})
