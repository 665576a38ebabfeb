/** Cells of a prompt that leave while it is read. */
import { expect, test } from 'vitest'
import { FakeLoop } from './loop.fake.ts'
import type { PromptEviction } from './types.ts'
import { tokens } from './vocabulary.fake.ts'

const prompt = tokens('Q|a|b|c|d|a|b|c|d|S|T|Q')
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Runs requests one after another, and notes what each pass behind the eviction saw of the prompt. */
function run(...evictions: readonly (PromptEviction | undefined)[]) {
  const loop = new FakeLoop({ cells: 64, sequences: 1, batchTokens: 4 })
  const seen: number[][] = []
  const append = loop.forward.append.bind(loop.forward)
  loop.forward.append = (...args) => {
    append(...args)
    seen.push(loop.forward.positions(0))
  }
  evictions.forEach((promptEviction, id) => {
    loop.submit(id, { prompt: { tokens: prompt }, policy: 'full', maxTokens: 5, seed: 4, promptEviction }).finish()
  })
  return { results: evictions.map((_, id) => loop.result(id)), seen }
}

test('what is read behind them does not see them, and no position changes', () => {
  const { results, seen } = run({ at: 8, leaving: [2, 3, 5] })
  const kept = [0, 1, 4, 6, 7]
  expect(seen).toEqual([range(0, 4), range(0, 8), [...kept, 8], [...kept, 8, 9, 10], [...kept, ...range(8, 12)]])
  expect(results[0]!.cache).toMatchObject({ evictedTokens: 3, finalCells: prompt.length - 3 + 4, peakCells: 13 })
  expect(results[0]!.tokens.slice(0, prompt.length)).toEqual(prompt)
})

test('the newest cell is followed by one token, and leaves then', () => {
  const { seen } = run({ at: 8, leaving: range(1, 8) })
  expect(seen.slice(2)).toEqual([
    [0, 7, 8],
    [0, 8, 9, 10],
    [0, 8, 9, 10, 11],
  ])
  expect(run({ at: 11, leaving: [10] }).seen.slice(-1)).toEqual([range(0, 12)])
  expect(run({ at: 11, leaving: [10] }).results[0]!.cache).toMatchObject({ evictedTokens: 1, finalCells: 15 })
})

test('what is read before it is copied from one request to the next, and only where it is the same', () => {
  const { results } = run({ at: 8, leaving: [2] }, { at: 8, leaving: [3, 7] }, { at: 7, leaving: [3] }, undefined)
  expect(results.map(({ usage }) => usage.cachedPromptTokens)).toEqual([0, 8, 0, 0])
  expect(results.map(({ cache }) => cache.evictedTokens)).toEqual([1, 2, 1, 0])
})

test('nothing that leaves changes nothing', () => {
  const { results } = run(undefined, { at: 6, leaving: [] })
  const [plain, none] = results.map(({ tokens, cache }) => ({ tokens, cache }))
  expect(none).toEqual(plain)
})

test.each([
  [{ at: 0, leaving: [] }, /at must be a whole number from 1 to 11/],
  [{ at: 12, leaving: [] }, /not 12/],
  [{ at: 8, leaving: [3, 3] }, /ascending positions below 8; 3 is none/],
  [{ at: 8, leaving: [8] }, /8 is none/],
  [{ at: 8, leaving: [1.5] }, /1.5 is none/],
  [{ at: 8, leaving: [-1] }, /-1 is none/],
])('refuses %j', (eviction, message) => {
  expect(() => run(eviction)).toThrow(message)
})

test('refuses it beside a policy that evicts, and of a cache that nothing can leave', () => {
  const of = (policy: string, notEvictable?: string) =>
    new FakeLoop({}, { model: { notEvictable } })
      .submit(1, { prompt: { tokens: prompt }, policy, promptEviction: { at: 8, leaving: [2] } })
      .finish()
      .result(1)
  expect(() => of('question-window')).toThrow(/question-window evicts by itself/)
  expect(() => of('full', 'its layers are recurrent')).toThrow(/cannot leave it: its layers are recurrent/)
})
