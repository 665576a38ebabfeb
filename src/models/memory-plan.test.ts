import { expect, test } from 'vitest'
import { bytesPerCell, formatBytes, formatMemoryPlan, memoryPlan, padCells, recurrentBytes } from './memory-plan.ts'
import type { CacheShape } from './memory-plan.ts'

const shape = (
  layers: number,
  kvHeads: number,
  length: number,
  values: Record<string, number | number[]> = {},
): CacheShape => ({
  layers,
  kvHeadsByLayer: new Array<number>(layers).fill(kvHeads),
  keyLength: length,
  valueLength: length,
  architectureValues: new Map(Object.entries(values)),
})
const R1_QWEN_1_5B = shape(28, 2, 128)
const R1_LLAMA_8B = shape(32, 8, 128)

test('a cell of R1-Distill-Qwen-1.5B takes 28,672 bytes in f16', () => {
  expect(bytesPerCell(R1_QWEN_1_5B, 'f16')).toBe(28_672)
  expect(bytesPerCell(R1_QWEN_1_5B, 'f32')).toBe(57_344)
  // 28 layers x 2 x 256 elements = 448 blocks of 34 bytes
  expect(bytesPerCell(R1_QWEN_1_5B, 'q8_0')).toBe(15_232)
})

test('a cell of R1-Distill-Llama-8B takes 128 KiB in f16', () => {
  expect(bytesPerCell(R1_LLAMA_8B, 'f16')).toBe(131_072)
})

test('layers may have different numbers of key-value heads', () => {
  const mixed = { ...shape(3, 0, 64), kvHeadsByLayer: [0, 2, 4] }
  expect(bytesPerCell(mixed, 'f16')).toBe(2 * 6 * 64 * 2)
})

test('keys and values may differ in length', () => {
  expect(bytesPerCell({ ...shape(1, 2, 64), valueLength: 32 }, 'f16')).toBe(2 * (64 + 32) * 2)
})

test('latent attention caches keys only', () => {
  const deepseek = { ...shape(27, 1, 576, { 'attention.key_length_mla': 192 }), valueLength: 512 }
  expect(bytesPerCell(deepseek, 'f16')).toBe(27 * 576 * 2)
})

test('prediction, shared and recurrent layers have no cache of their own', () => {
  const perLayer = 2 * 2 * 128 * 2
  expect(bytesPerCell(shape(10, 2, 128, { nextn_predict_layers: 1 }), 'f16')).toBe(9 * perLayer)
  expect(bytesPerCell(shape(10, 2, 128, { 'attention.shared_kv_layers': 4 }), 'f16')).toBe(6 * perLayer)
  expect(bytesPerCell(shape(12, 2, 128, { full_attention_interval: 4 }), 'f16')).toBe(3 * perLayer)
})

test('q8_0 is refused where a head does not fill its blocks, whatever the heads do together', () => {
  for (const heads of [1, 4]) {
    expect(() => bytesPerCell(shape(1, heads, 40), 'q8_0')).toThrow(
      expect.objectContaining({ code: 'kv_type' }) as Error,
    )
  }
  expect(bytesPerCell(shape(1, 4, 64), 'q8_0')).toBe(2 * 4 * 2 * 34)
})

test('cells are padded to 256', () => {
  expect([1, 256, 257, 3000, 5000].map(padCells)).toEqual([256, 256, 512, 3072, 5120])
})

test('a plan, computed by hand', () => {
  const plan = memoryPlan(
    { ...R1_QWEN_1_5B, weightBytes: 1_000_000_000 },
    { cellsPerSequence: 3000, sequences: 4, kvType: 'f16', textLength: 16_400 },
  )
  expect(plan).toEqual({
    weightBytes: 1_000_000_000,
    bytesPerCell: 28_672,
    allocatedCells: 3072,
    windowCells: undefined,
    isUpperBound: false,
    cacheBytes: 3072 * 4 * 28_672,
    recurrentBytes: 0,
    unboundedCells: 16_640,
    unboundedCacheBytes: 16_640 * 4 * 28_672,
  })
  expect(formatMemoryPlan(plan, 4)).toBe(
    'weights 954 MiB, cache 336 MiB (3,072 cells of 28.0 KiB for each of 4 sequences)\n' +
      'without a budget the cache would take 1.8 GiB (16,640 cells of 28.0 KiB for each of 4 sequences)',
  )
})

test('states of recurrent layers are said separately, for all sequences', () => {
  const values = { 'ssm.conv_kernel': 4, 'ssm.inner_size': 512, 'ssm.group_count': 1, 'ssm.state_size': 128 }
  const hybrid = { ...shape(4, 2, 64, { ...values, full_attention_interval: 4 }), weightBytes: 2 ** 20 }
  const plan = memoryPlan(hybrid, { cellsPerSequence: 256, sequences: 2, kvType: 'f16', textLength: 256 })
  expect(plan.recurrentBytes).toBe(2 * 3 * (3 * (512 + 2 * 128) + 128 * 512) * 4)
  expect(formatMemoryPlan(plan, 2)).toMatch(/of 512 B for each of 2 sequences\), recurrent states 1.6 MiB$/)
})

test('layers of Nemotron-H that are feed-forward layers have no state; all of Falcon-H1 have one', () => {
  const values = { 'ssm.conv_kernel': 2, 'ssm.inner_size': 8, 'ssm.group_count': 1, 'ssm.state_size': 4 }
  const ofLayer = (8 + 2 * 4 + 4 * 8) * 4
  const bytes = (architecture: string, kvHeadsByLayer: number[], more = {}) =>
    recurrentBytes({ ...shape(4, 2, 64, { ...values, ...more }), architecture, kvHeadsByLayer })
  expect(bytes('nemotron_h', [0, 2, 0, 0], { feed_forward_length: [0, 0, 64, 0] })).toBe(2 * ofLayer)
  expect(bytes('granitehybrid', [0, 2, 0, 0], { feed_forward_length: [64, 64, 64, 64] })).toBe(3 * ofLayer)
  expect(bytes('falcon-h1', [2, 2, 2, 2])).toBe(4 * ofLayer)
})

test('bytes for people', () => {
  expect([0, 1023, 1024, 28_672, 1_717_986_918].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '28.0 KiB',
    '1.6 GiB',
  ])
})
