import { expect, test } from 'vitest'
import type { GenerateResult } from '../../engine/types.ts'
import type { Job } from '../job.ts'
import { ChoiceEvents, runsOf } from './event-chunks.ts'
import { cachesOf } from './report.ts'

test.each([
  [[], []],
  [[3], [[3, 3]]],
  [
    [0, 1, 2, 5, 7, 8],
    [
      [0, 2],
      [5, 5],
      [7, 8],
    ],
  ],
])('%j as runs: %j', (positions, runs) => expect(runsOf(Int32Array.from(positions))).toEqual(runs))

test('the end of a generation is told with what became of its cache, and how much of its prompt was copied', () => {
  const job = { slot: 2, enqueuedAt: 10, startedAt: 14 } as Job
  const result = {
    ...{ seed: 7, thinkingEnd: 'model', stopText: null },
    usage: { promptTokens: 5, cachedPromptTokens: 3, thinkingTokens: 2, answerTokens: 1 },
    cache: { policy: 'full', budget: null },
  } as unknown as GenerateResult
  expect(new ChoiceEvents([]).push({ type: 'finish', result }, job)).toEqual({
    type: 'finish',
    cached_tokens: 3,
    ...cachesOf([{ job, result }]),
  })
})
