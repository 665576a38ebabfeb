import { expect, test } from 'vitest'
import { cacheBound } from './cache-bound.ts'

const bound = (architecture: string, values: Record<string, number> = {}) =>
  cacheBound({ architecture, architectureValues: new Map(Object.entries({ block_count: 2, ...values })) })

test('full attention can be bounded', () => {
  expect(bound('qwen2')).toEqual({ impossible: undefined, mayHaveWindow: false })
})

test.each([
  [{ 'ssm.state_size': 16 }, /recurrent/],
  [{ 'wkv.head_size': 64 }, /recurrent/],
  [{ 'attention.indexer.top_k': 2048, 'attention.sliding_window': 8 }, /indexer/],
])('%j cannot', (values, why) => {
  expect(bound('a', values).impossible).toMatch(why)
})

test.each([
  ['gemma3', { 'attention.sliding_window': 1024 }, true],
  ['olmo2', { 'attention.sliding_window': 0 }, false],
  ['gemma2', {}, true],
  ['llama4', {}, true],
  ['llama4', { 'attention.sliding_window': 0 }, false],
])('%s with %j may have a window: %s', (architecture, values, mayHaveWindow) => {
  expect(bound(architecture, values)).toEqual({ impossible: undefined, mayHaveWindow })
})
