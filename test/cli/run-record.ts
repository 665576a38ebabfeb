/**
 * The record that `dynts run --json` prints, as documented: these fields and no others.
 */
import { z } from 'zod'

const count = z.int().min(0)
const milliseconds = z.number().min(0)

export const runRecordSchema = z.strictObject({
  schema: z.literal('dynts.run/1'),
  text: z.string(),
  thinking: z.string(),
  answer: z.string(),
  finishReason: z.enum(['stop', 'length', 'cancelled']),
  thinkingEnd: z.enum(['model', 'thinking-budget', 'answer-reserve', 'loop', 'unclosed']).nullable(),
  usage: z.strictObject({ promptTokens: count, cachedPromptTokens: count, thinkingTokens: count, answerTokens: count }),
  cache: z.strictObject({
    policy: z.string(),
    policyOptions: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    protect: z.array(z.enum(['answer', 'question'])),
    budget: count.nullable(),
    localWindow: count.nullable(),
    ratio: z.number().min(0).max(1).nullable(),
    evictEvery: count.nullable(),
    segments: count.nullable(),
    valueReserve: z.number().nullable(),
    peakCells: count,
    meanCells: z.number().min(0),
    finalCells: count,
    evictions: count,
    evictedTokens: count,
    bytesPerCell: count,
    peakBytes: count,
    allocatedCells: count,
    allocatedBytes: count,
    compactions: count,
    degraded: z.boolean(),
  }),
  timing: z.strictObject({
    loadMs: milliseconds,
    prefillMs: milliseconds,
    decodeMs: milliseconds,
    forwardMs: milliseconds,
    evictionMs: milliseconds,
    scoringMs: milliseconds,
    tokensPerSecond: milliseconds,
  }),
  seed: count,
  model: z.strictObject({
    reference: z.string(),
    path: z.string(),
    quantization: z.string(),
    architecture: z.string(),
    hiddenSize: count,
    layers: count,
    vocabularySize: count,
    name: z.string(),
    trainedContext: count,
  }),
  predictor: z.strictObject({ path: z.string(), shape: z.array(count), target: z.string() }).nullable(),
  settings: z.strictObject({
    kvType: z.enum(['f16', 'q8_0', 'f32']),
    threads: count,
    backend: z.enum(['cpu', 'cuda', 'vulkan', 'metal']),
    compaction: z.enum(['auto', 'on', 'off']),
  }),
  versions: z.strictObject({ dynts: z.string(), llamaCpp: z.string() }),
})

export type RunRecord = z.output<typeof runRecordSchema>

/** @throws if stdout is anything but one record */
export const parseRecord = (stdout: string): RunRecord => runRecordSchema.parse(JSON.parse(stdout))
/** @throws if stdout is anything but an array of records */
export const parseRecords = (stdout: string): RunRecord[] => z.array(runRecordSchema).parse(JSON.parse(stdout))
