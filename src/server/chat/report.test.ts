import { expect, test } from 'vitest'
import type { GenerateResult } from '../../engine/types.ts'
import type { Job } from '../job.ts'
import { timingsOf } from './report.ts'

const choice = (thinkingTokens: number, answerTokens: number, decodeMs: number) => ({
  job: {} as Job,
  result: {
    usage: { promptTokens: 23, cachedPromptTokens: 21, thinkingTokens, answerTokens },
    timing: { prefillMs: 1.4, decodeMs },
  } as GenerateResult,
})

test('speeds are those of the tokens behind the first, in the time since it', () => {
  expect(timingsOf([choice(101, 25, 51.1)], 1)).toEqual({
    ...{ cache_n: 21, prompt_n: 2, prompt_ms: 1.4, prompt_per_token_ms: 0.7, prompt_per_second: 1428.571 },
    ...{ predicted_n: 126, predicted_ms: 51.1, predicted_per_token_ms: 0.409, predicted_per_second: 2446.184 },
  })
})

test('choices side by side are as fast as all of them in the time of the slowest', () => {
  expect(timingsOf([choice(10, 11, 400), choice(30, 11, 1000)], 2)).toMatchObject({
    ...{ prompt_n: 2, predicted_n: 62, predicted_ms: 1000, predicted_per_second: 60 },
  })
})

test('of a single token, or none, no speed is told', () => {
  for (const only of [choice(1, 0, 0.01), choice(0, 0, 0)]) {
    expect(timingsOf([only], 1)).toMatchObject({ predicted_per_token_ms: 0, predicted_per_second: 0 })
  }
})
