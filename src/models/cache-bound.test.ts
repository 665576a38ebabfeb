import { expect, test } from 'vitest'
import { cacheBound } from './cache-bound.ts'

const bound = (values: Record<string, number> = {}, kvHeads = 2) =>
  cacheBound({ kvHeads, architectureValues: new Map(Object.entries({ block_count: 2, ...values })) })

test('full attention can be bounded', () => {
  expect(bound()).toEqual({ impossible: undefined, window: undefined })
})

test.each([
  [{ 'ssm.state_size': 16 }, 0, /recurrent/],
  [{ 'wkv.head_size': 64 }, 2, /recurrent/],
  [{ 'attention.indexer.top_k': 2048, 'attention.sliding_window': 8 }, 2, /indexer/],
])('%j with %i key-value heads cannot', (values, kvHeads, why) => {
  expect(bound(values, kvHeads).impossible).toMatch(why)
})

test.each([[{ 'ssm.state_size': 16 }], [{ 'shortconv.l_cache': 3 }]])('a hybrid with %j can', (values) => {
  expect(bound(values)).toMatchObject({ impossible: undefined })
})

test('a window that the file states', () => {
  expect(bound({ 'attention.sliding_window': 1024 }).window).toBe(1024)
  expect(bound({ 'attention.sliding_window': 0 }).window).toBeUndefined()
})
