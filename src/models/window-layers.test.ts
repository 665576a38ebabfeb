import { expect, test } from 'vitest'
import { cellBytes, formatMemoryPlan, memoryPlan, type CacheShape } from './memory-plan.ts'
import { mayHaveWindows, windowLayers } from './window-layers.ts'

const model = (architecture: string, layers: number, values: Record<string, number | number[]> = {}) => ({
  architecture,
  layers,
  architectureValues: new Map(Object.entries(values)),
})
const fullOf = (...args: Parameters<typeof model>) => {
  const windows = windowLayers(model(...args))
  return Array.from({ length: args[1] }, (_, layer) => layer).filter((layer) => !windows?.has(layer))
}
const stated = { 'attention.sliding_window': 128 }

test('which layers have full attention', () => {
  expect(fullOf('gpt-oss', 6, stated)).toEqual([1, 3, 5])
  expect(fullOf('gemma2', 6)).toEqual([1, 3, 5])
  expect(fullOf('gemma3', 14, stated)).toEqual([5, 11])
  expect(fullOf('llama4', 8)).toEqual([3, 7])
  expect(fullOf('cohere2', 8, { ...stated, 'attention.sliding_window_pattern': 2 })).toEqual([1, 3, 5, 7])
  expect(fullOf('gemma4', 4, { ...stated, 'attention.sliding_window_pattern': [1, 1, 0, 1] })).toEqual([2])
})

test('how many positions the others see', () => {
  expect(windowLayers(model('gpt-oss', 2, stated))?.window).toBe(128)
  expect(windowLayers(model('gemma2', 2))?.window).toBe(4096)
  expect(windowLayers(model('gemma2', 2, stated))?.window).toBe(128)
  expect(windowLayers(model('llama4', 2, stated))?.window).toBe(8192)
})

test('none where none is stated; where they are not known it is said', () => {
  for (const [architecture, window] of [
    ['gemma3', undefined],
    ['llama4', 0],
    ['qwen2', undefined],
    ['qwen2', 0],
  ] as const) {
    const given = model(architecture, 6, window === undefined ? {} : { 'attention.sliding_window': window })
    expect(windowLayers(given)).toBeUndefined()
    expect(mayHaveWindows(given)).toBe(false)
  }
  for (const given of [model('exaone4', 6, stated), model('gemma4', 6, stated)]) {
    expect(windowLayers(given)).toBeUndefined()
    expect(mayHaveWindows(given)).toBe(true)
  }
  expect(mayHaveWindows(model('gpt-oss', 6, stated))).toBe(false)
})

const shape = (of: ReturnType<typeof model>, kvHeads: number, length: number): CacheShape => ({
  ...of,
  kvHeadsByLayer: new Array<number>(of.layers).fill(kvHeads),
  keyLength: length,
  valueLength: length,
})

test("gpt-oss-20b's cache of 4096 cells, computed by hand", () => {
  const weightBytes = 2 ** 30
  const settings = { cellsPerSequence: 4096, sequences: 2, kvType: 'f16', textLength: 4096 } as const
  const plan = memoryPlan({ ...shape(model('gpt-oss', 24, stated), 8, 64), weightBytes }, settings)
  const ofLayer = 8 * 64 * 2 * 2
  expect(plan).toMatchObject({ bytesPerCell: 24 * ofLayer, windowCells: 768, isUpperBound: false })
  expect(plan.cacheBytes).toBe(2 * 12 * ofLayer * (4096 + 768))
  expect(formatMemoryPlan(plan, 2)).toBe(
    'weights 1.0 GiB, cache 228 MiB (4,096 cells of 48.0 KiB for each of 2 sequences, 768 of them in layers with a sliding window)',
  )
  const unknown = memoryPlan({ ...shape(model('other', 24, stated), 8, 64), weightBytes }, settings)
  expect(unknown.cacheBytes).toBe(2 * 24 * ofLayer * 4096)
  expect(formatMemoryPlan(unknown)).toContain('cache at most 384 MiB')
})

test('window layers of Gemma 4 have heads of their own size', () => {
  const values = { ...stated, 'attention.sliding_window_pattern': [1, 0] }
  const sizes = { 'attention.key_length_swa': 32, 'attention.value_length_swa': 16 }
  expect(cellBytes(shape(model('gemma4', 2, { ...values, ...sizes }), 2, 64), 'f16')).toEqual({
    full: 2 * 128 * 2,
    window: { bytes: 2 * 48 * 2, cells: 768 },
  })
})
