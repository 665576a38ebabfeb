import { expect, test } from 'vitest'
import type { PolicyFacts } from './api.ts'
import { looksOf } from './looks.ts'
import { RunRecord } from './run-record.ts'

const h2o: PolicyFacts = {
  ...{ name: 'h2o', summary: '', evicts: true },
  ...{ protects_question: false, protects_local_window: true, has_scores: true },
}

function recordOf(protect: string[], evicted: [number, number][], isScored: boolean): RunRecord {
  const record = new RunRecord()
  const numbers = { budget: 4, local_window: 1, ratio: 0.5, leaving: 1, max_tokens: 9, seed: 1 }
  record.push({ type: 'start', policy: 'h2o', protect, ...numbers, prompt_tokens: 2, prompt: [] }, 0)
  const scored = isScored ? { scored: { runs: evicted, scores: 'AAAAAA==' } } : {}
  record.push({ type: 'eviction', step: 2, before: 4, after: 3, compacted: false, evicted, ...scored }, 1)
  return record
}

test('the question is safe if the policy says so, or the request', () => {
  expect(looksOf(h2o, 'h2o').protectsQuestion).toBe(false)
  expect(looksOf(h2o, 'h2o+question').protectsQuestion).toBe(true)
  expect(looksOf(h2o, 'h2o', recordOf(['question'], [[3, 3]], true)).protectsQuestion).toBe(true)
  expect(looksOf({ ...h2o, protects_question: true }, 'dynts').protectsQuestion).toBe(true)
})

test('of a policy that the server does not know, the run tells what it can', () => {
  expect(looksOf(undefined, 'mine')).toEqual({
    ...{ evicts: true, protectsQuestion: true, protectsLocalWindow: true, hasScores: true },
  })
  expect(looksOf(undefined, 'mine', recordOf([], [[1, 1]], true))).toMatchObject({
    ...{ protectsQuestion: false, hasScores: true },
  })
  expect(looksOf(undefined, 'mine', recordOf([], [[3, 3]], false))).toMatchObject({
    ...{ protectsQuestion: true, hasScores: false },
  })
})
