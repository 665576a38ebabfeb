import { expect, test } from 'vitest'
import { cacheBound } from './cache-bound.ts'

const bound = (values: Record<string, number> = {}, kvHeads = 2, architecture = 'qwen2') =>
  cacheBound({ architecture, layers: 4, kvHeads, architectureValues: new Map(Object.entries(values)) })

test('full attention can be bounded', () => {
  expect(bound()).toEqual({ impossible: undefined, window: undefined })
})

test.each([
  [{ 'ssm.state_size': 16 }, 0, /recurrent/],
  [{ 'wkv.head_size': 64 }, 2, /recurrent/],
  [{ 'attention.indexer.top_k': 2048, 'attention.sliding_window': 8 }, 2, /indexer/],
  // MiniMax-M3 may state no top_k.
  [{ 'attention.indexer.block_size': 64 }, 2, /indexer/],
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

test('a window that the architecture has, whatever the file states', () => {
  const windowOf = (architecture: string, values: Record<string, number> = {}) => bound(values, 2, architecture).window
  const stated = { 'attention.sliding_window': 512 }
  expect(windowOf('llama4')).toBe(8192)
  expect(windowOf('llama4', stated)).toBe(8192)
  expect(windowOf('gemma2')).toBe(4096)
  expect(windowOf('gemma2', stated)).toBe(512)
  expect(windowOf('phi3', stated)).toBeUndefined()
  // Every layer has full attention.
  expect(windowOf('gemma3', { ...stated, 'attention.sliding_window_pattern': 1 })).toBeUndefined()
})
