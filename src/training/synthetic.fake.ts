/**
 * Traces whose importance a predictor can learn: it depends on a fixed direction of the hidden state. For tests.
 */
import { Float16Array } from '@petamoriken/float16'
import { mulberry32 } from '../mulberry32.ts'
import type { ImportanceArrays, ImportanceManifest, ImportanceRecord } from '../traces/importance-record.ts'
import type { TraceSource } from './dataset.ts'

export interface SyntheticOptions {
  readonly hiddenSize?: number
  readonly questions?: number
  readonly samplesPerQuestion?: number
  readonly thinkingTokens?: number
  /** The importance says nothing about the state. */
  readonly noise?: boolean
  readonly seed?: number
}

export interface SyntheticTrace {
  readonly record: ImportanceRecord
  readonly arrays: ImportanceArrays
}

export const syntheticManifest = (hiddenSize = 8): ImportanceManifest => ({
  schema: 'dynts.importance/1',
  model: { architecture: 'qwen2', hiddenSize, layers: 2, vocabularySize: 100, name: 'synthetic' },
  label: 'answer',
  kvType: 'f16',
  tokensPerTrace: null,
  seed: 0,
  versions: { dynts: '0' },
})

/** Every token's importance is exp(2 x cosine of its state with the direction), divided so that a trace sums to one. */
export function syntheticTraces(options: SyntheticOptions = {}): SyntheticTrace[] {
  const { hiddenSize = 8, questions = 20, samplesPerQuestion = 2, thinkingTokens = 60, noise = false } = options
  const random = mulberry32(options.seed ?? 1)
  const direction = Float64Array.from({ length: hiddenSize }, () => 2 * random() - 1)
  let offset = 0
  return Array.from({ length: questions * samplesPerQuestion }, (_, i) => {
    const tokens = thinkingTokens + (i % 5)
    const states = Float16Array.from({ length: tokens * hiddenSize }, () => 2 * random() - 1)
    const raw = Float64Array.from({ length: tokens }, (_, t) => {
      const dot = direction.reduce((sum, x, j) => sum + x * (states[t * hiddenSize + j] ?? 0), 0)
      return Math.exp(noise ? 2 * random() : (2 * dot) / Math.sqrt(hiddenSize / 3))
    })
    const sum = raw.reduce((a, b) => a + b)
    const bytes = 4 * (tokens + 3 + tokens) + 2 * tokens * hiddenSize
    const record: ImportanceRecord = {
      schema: 'dynts.importance/1',
      id: `q${i % questions}#${Math.floor(i / questions)}`,
      question: `q${i % questions}`,
      promptTokens: 3,
      thinkingTokens: tokens,
      answerTokens: 5,
      storedTokens: tokens,
      shard: 'shard-00000.bin',
      offset,
      bytes,
    }
    offset += bytes
    const arrays: ImportanceArrays = {
      importance: Float32Array.from(raw, (x) => x / sum),
      promptImportance: new Float32Array(3),
      sampled: Int32Array.from({ length: tokens }, (_, t) => t),
      states: new Uint16Array(states.buffer),
    }
    return { record, arrays }
  })
}

/** The same as a source in memory. */
export function syntheticSource(options: SyntheticOptions = {}): TraceSource & { reads: number } {
  const traces = new Map(syntheticTraces(options).map(({ record, arrays }) => [record, arrays]))
  return {
    manifest: syntheticManifest(options.hiddenSize),
    records: [...traces.keys()],
    reads: 0,
    read(record) {
      this.reads++
      const arrays = traces.get(record)
      if (!arrays) throw new Error(`no trace ${record.id}`)
      return arrays
    },
  }
}
