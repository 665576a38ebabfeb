import { expect, test } from 'vitest'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { banner, type BannerFacts } from './banner.ts'

/** The shape of Qwen2.5-7B in Q4_K_M: a cell takes 2 * 28 layers * 4 heads * 128 * 2 bytes = 56 KiB. */
const info = {
  architecture: 'qwen2',
  architectureValues: new Map(),
  layers: 28,
  kvHeads: 4,
  kvHeadsByLayer: Array.from({ length: 28 }, () => 4),
  keyLength: 128,
  valueLength: 128,
  hiddenSize: 3584,
  vocabularySize: 152_064,
  trainedContext: 131_072,
  weightBytes: 4.5 * 2 ** 30,
} as unknown as GgufInfo

const facts: BannerFacts = {
  version: '1.0.0',
  name: 'seven',
  urls: ['http://127.0.0.1:8080'],
  hasPage: true,
  policy: 'dynts',
  bound: { budget: 4096, localWindow: 1024, ratio: 0.4 },
  maxTokens: 16_384,
  info,
  capacity: { slots: 8, cells: 4096, kvType: 'f16', promptBytes: 0 },
  free: { bytes: 14 * 2 ** 30, isGiven: false },
}

test('a server says where it is, what it takes of what there is, and what the full cache would take', () => {
  const [first, second, third, ...others] = banner(facts).split('\n')
  expect(first).toBe('dynts 1.0.0 serves seven at http://127.0.0.1:8080 (API at /v1, page at /)')
  expect(second).toMatch(/^ {2}policy dynts, budget 4096, local window 1024, .*; 8 slots of 4096 cells$/)
  // 4096 cells * 56 KiB = 224 MiB; buffers: 512 * (4 * (28 * 4096 + 6 * 3584 + 4096) + 2 * 28 * 4096) + 8 * 16 * 152,064 bytes + 32 MiB, a slot
  // and 256 MiB: 0.9 GiB.
  expect(third).toBe('  weights 4.5 GiB, cache 1.8 GiB (8 x 224 MiB), about 7.1 GiB with buffers, of 14.0 GiB free')
  // 8 * 16,896 * 56 KiB
  expect(others).toEqual(['  the full cache would take 7.2 GiB for 8 texts of 16,896 tokens'])
})

test('what it may take, one slot, a GPU, and a text that fits', () => {
  const lineOf = (more: Partial<BannerFacts>) => banner({ ...facts, ...more }).split('\n')[2]
  expect(lineOf({ free: { bytes: 2 ** 34, isGiven: true } })).toMatch(/, of 16\.0 GiB that it may take$/)
  expect(lineOf({ capacity: { ...facts.capacity, slots: 1 } })).toMatch(/, cache 224 MiB, about/)
  expect(lineOf({ free: undefined })).toMatch(/with buffers; .*only if --memory says that$/)
  expect(banner({ ...facts, maxTokens: 3000 }).split('\n')).toHaveLength(3)
  expect(banner({ ...facts, bound: null })).toContain('the cache is not bounded; 8 slots')
})
