import { expect, test } from 'vitest'
import { keptCount, keptTokens, selections, type SelectionName } from './kept-tokens.ts'
import { publishedLoss, publishedPareto } from './published-pareto.ts'

//                                   0  1  2  3  4  5  6  7  8  9
const importance = Float32Array.from([5, 1, 0, 9, 2, 2, 7, 0, 3, 2])
const predicted = Float32Array.from([0, 8, 7, 6, 5, 4, 3, 2, 1, 9])
const kept = (selection: SelectionName, percent: number, seed = 1) => [
  ...keptTokens(selection, percent, { importance, predicted }, seed),
]

test('ten tokens, by hand: in the order of the text, of equal importance the newer is the higher', () => {
  expect(kept('top', 30)).toEqual([0, 3, 6])
  // Of the three with 2, the newest.
  expect(kept('top', 50)).toEqual([0, 3, 6, 8, 9])
  expect(kept('bottom', 10)).toEqual([2])
  expect(kept('bottom', 50)).toEqual([1, 2, 4, 5, 7])
  expect(kept('newest', 30)).toEqual([7, 8, 9])
  expect(kept('predicted', 30)).toEqual([1, 2, 9])
})

test('sizes are rounded down, and one token stays at least', () => {
  expect([2, 10, 19, 20, 99, 100].map((percent) => keptCount(10, percent))).toEqual([1, 1, 1, 2, 9, 10])
  expect(keptCount(283, 30)).toBe(84)
  expect(kept('top', 2)).toEqual([3])
})

test.each(selections)('%s: less is a part of more, and 100 %% are all', (selection) => {
  for (let percent = 10; percent < 100; percent += 10) {
    const more = new Set(kept(selection, percent + 10))
    expect(kept(selection, percent).every((token) => more.has(token))).toBe(true)
    expect(kept(selection, percent)).toHaveLength(percent / 10)
  }
  expect(kept(selection, 100)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('top and bottom share out all tokens', () => {
  expect([...kept('top', 40), ...kept('bottom', 60)].sort((a, b) => a - b)).toEqual(kept('top', 100))
})

test('random depends on the seed alone, and takes each token as often', () => {
  expect(kept('random', 30, 7)).toEqual(kept('random', 30, 7))
  const counts = Array.from({ length: 10 }, () => 0)
  for (let seed = 0; seed < 2000; seed++) for (const token of kept('random', 30, seed)) counts[token]!++
  // Of 2000 draws 600 on average, with a standard deviation of 20.
  for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(100)
})

test('published: twelve panels, the top above the bottom in each', () => {
  expect(publishedPareto).toHaveLength(12)
  expect(publishedPareto.every(({ top, bottom }) => (top[50] ?? 99) > (bottom[50] ?? 0))).toBe(true)
  // MATH500 of both: 91.5 less 85.5 and 94.5 less 81.5; the most is Qwen's AIME25, 62 less 38.
  expect(publishedLoss('top', 2)).toEqual({ least: expect.closeTo(1.2, 9) as number, most: 24, panels: 12 })
  expect(publishedLoss('top', 3)).toBeNull()
})
