import type { GgufInfo } from '../models/gguf-file.ts'

/** The shape of Qwen2.5-7B in Q4_K_M, as far as memory depends on it. */
export const qwen7b = {
  architectureValues: new Map([['attention.head_count', 28]]),
  layers: 28,
  kvHeadsByLayer: Array.from({ length: 28 }, () => 4),
  keyLength: 128,
  valueLength: 128,
  hiddenSize: 3584,
  vocabularySize: 152_064,
  trainedContext: 131_072,
  weightBytes: 4.68e9,
} as unknown as GgufInfo
