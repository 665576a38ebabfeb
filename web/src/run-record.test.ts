import { expect, test } from 'vitest'
import type { RunEvent } from './protocol.ts'
import { factsOf, firstDifference, RunRecord, tokensPerSecond, View } from './run-record.ts'

const base64 = (scores: readonly number[]): string => Buffer.from(Float32Array.from(scores).buffer).toString('base64')

const letters = Array.from('ABCDEFGHIJKLMNO')
const token = (position: number, cells: number, phase: 'thinking' | 'answer' | 'tag' = 'thinking'): RunEvent => ({
  type: 'token',
  ...{ position, token: 100 + position, text: letters[position] ?? '?', phase, cells },
})

/** The paper's Figure 4: question A and B, B = 11, W_l = 3, k = 2; C, D, F and H leave. */
function figure4(): RunRecord {
  const record = new RunRecord()
  record.push(
    {
      ...{
        type: 'start',
        policy: 'dynts',
        budget: 11,
        local_window: 3,
        ratio: 1 / 3,
        leaving: 4,
        max_tokens: 13,
        seed: 1,
      },
      ...{
        prompt_tokens: 2,
        prompt: [
          [1, 'A'],
          [2, 'B'],
        ],
      },
    },
    0,
  )
  for (let position = 2; position < 11; position++) record.push(token(position, position), position)
  record.push(
    {
      ...{ type: 'eviction', step: 9, before: 11, after: 7, compacted: false },
      evicted: [
        [2, 3],
        [5, 5],
        [7, 7],
      ],
      scored: { runs: [[2, 7]], scores: base64([0.2, 0.1, 0.5, 0.1, 0.4, 0.2]) },
    },
    11,
  )
  for (let position = 11; position < 15; position++) record.push(token(position, position - 4), position + 1)
  return record
}

const heldAt = (record: RunRecord, step: number): string => {
  const view = new View(record, step, true)
  return letters.filter((_, position) => view.isHeld(position)).join('')
}

test('what is held at each step is what the worked example of the paper says', () => {
  const record = figure4()
  expect(heldAt(record, 0)).toBe('AB')
  expect(heldAt(record, 8)).toBe('ABCDEFGHIJ')
  expect(heldAt(record, 9)).toBe('ABEGIJK')
  expect(heldAt(record, 13)).toBe('ABEGIJKLMNO')
  expect([0, 8, 9, 13].map((step) => new View(record, step, true).cells)).toEqual([2, 10, 7, 11])
})

test('a token is what it is at the step that is looked at', () => {
  const record = figure4()
  const kinds = (step: number): string =>
    letters.map((_, position) => new View(record, step, true).stateOf(position).kind[0]).join('')
  // question, kept, gone, local, new, unborn
  expect(kinds(8)).toBe('qqnnnnnllluuuuu')
  expect(kinds(9)).toBe('qqggkgkglll' + 'uuuu')
  expect(kinds(13)).toBe('qqggkgkgnnnnlll')
  expect(new View(record, 8, false).stateOf(0).kind).toBe('new')
})

test('ranks are sixths of what was judged together, the highest darkest', () => {
  const view = new View(figure4(), 9, true)
  // E has the highest of six scores, G the second highest.
  expect(view.stateOf(4)).toEqual({ kind: 'kept', rank: 5 })
  expect(view.stateOf(6)).toEqual({ kind: 'kept', rank: 4 })
})

test('what is told of a token', () => {
  const record = figure4()
  const at = (step: number, position: number) => factsOf(record, new View(record, step, true), position)
  expect(at(13, 0)).toMatchObject({ text: 'A', token: 1, phase: 'question', left: undefined, score: undefined })
  expect(at(13, 3)).toMatchObject({ text: 'D', left: { eviction: 0, step: 9, age: 7 } })
  expect(at(13, 3)?.score).toBeCloseTo(0.1, 6)
  expect(at(13, 4)?.shareBelow).toBeCloseTo(5 / 6, 6)
  expect(at(8, 3)).toMatchObject({ left: undefined, score: undefined })
  expect(at(8, 12)).toBeUndefined()
})

test('where two runs part', () => {
  const [a, b] = [figure4(), figure4()]
  expect(firstDifference(a, b)).toBeUndefined()
  a.push(token(15, 12), 20)
  b.push({ ...token(15, 12), token: 7 } as RunEvent, 20)
  expect(firstDifference(a, b)).toBe(13)
})

test('the speed is that of the last two seconds, and none of tokens that came at once', () => {
  const record = new RunRecord()
  expect(tokensPerSecond(record)).toBeUndefined()
  for (let i = 0; i < 100; i++) record.push(token(i, i), 500 + i / 1000)
  expect(tokensPerSecond(record)).toBeUndefined()
  for (let i = 0; i < 60; i++) record.push(token(100 + i, i), 1000 + 50 * i)
  expect(tokensPerSecond(record)).toBeCloseTo(20, 6)
})

test('cells on average, and where the answer begins', () => {
  const record = figure4()
  expect([0, 1, 9, 13, 99].map((steps) => record.meanCells(steps))).toEqual([0, 2, 6, 88 / 13, 88 / 13])
  expect([record.thinkingTokens, record.answerFrom]).toEqual([13, 13])
  record.push(token(15, 11, 'tag'), 16)
  record.push(token(16, 12, 'answer'), 17)
  record.push(token(17, 13, 'answer'), 18)
  expect([record.thinkingTokens, record.answerFrom]).toEqual([13, 14])
})
