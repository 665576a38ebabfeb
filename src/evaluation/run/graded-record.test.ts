import { expect, test } from 'vitest'
import type { Model } from '../../engine/model.ts'
import type { GenerateResult } from '../../engine/types.ts'
import { gradedRecord, type EvalSetting } from './graded-record.ts'
import { identity, jobOf } from './records.fake.ts'

const model = {
  info: { chatTemplate: '<think> </think>' },
  backend: 'cpu',
  threads: 1,
  release: '0',
} as unknown as Model
const setting: EvalSetting = {
  model,
  identity,
  grader: { grade: () => Promise.reject(new Error('a chain problem needs no grader')) },
  policyFiles: new Map(),
  versions: {},
}

function result(text: string, finishReason: GenerateResult['finishReason'], thinkingTokens = 5): GenerateResult {
  const [thinking = '', answer = ''] = text.split('</think>')
  const thinkingEnd = thinkingTokens === 0 ? null : text.includes('</think>') ? 'model' : 'unclosed'
  return {
    ...{ text, thinking, answer, finishReason, thinkingEnd, seed: 1, tokens: [7, 8, 9] },
    usage: { promptTokens: 1, cachedPromptTokens: 0, thinkingTokens, answerTokens: 2 },
    cache: { degraded: false, meanCells: 1, peakCells: 1, peakBytes: 1, evictions: 0, compactions: 0 },
    timing: { forwardMs: 1, evictionMs: 2 },
  } as unknown as GenerateResult
}

const boxed = '\\boxed{0}'
test.each([
  ['thought and answered', result(`<think>a</think>${boxed}`, 'stop'), false, true],
  ['ended while it still thought, whatever it says', result(`<think>a ${boxed}`, 'stop'), true, false],
  ['cut off in its thinking', result('<think>a', 'length'), true, false],
  ['cut off in its answer', result(`<think>a</think>${boxed}`, 'length'), true, false],
  ['never thought', { ...result('', 'stop', 0), text: boxed, answer: boxed }, false, true],
])('a sample that %s', async (_what, generated, truncated, right) => {
  const job = { ...jobOf({ expected: '0', policy: 'dynts' }), kind: 'sample' } as const
  const ended = { result: generated, wallMs: 3, at: new Date(0), sequences: 1 }
  expect(await gradedRecord(job, ended, setting)).toMatchObject({
    ...{ truncated, right, wallMs: 3, forwardMs: 1, evictionMs: 2, tokens: null },
  })
})
