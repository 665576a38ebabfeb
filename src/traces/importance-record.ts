/**
 * What `dynts importance` writes into its folder: `manifest.json`, `importance.jsonl` with one line for every trace, and the
 * large arrays in shards beside them.
 */
import { z } from 'zod'
import { defaultLabel, parseLabel } from '../predictor/label.ts'
import type { RecordFormat } from '../records/read-records.ts'

export const importanceSchema = 'dynts.importance/1'
export const manifestName = 'manifest.json'
export const recordsName = 'importance.jsonl'

/** All that the folder's contents depend on; another run into the same folder must agree with it. */
export const importanceManifest = z.object({
  schema: z.literal(importanceSchema),
  model: z.object({
    architecture: z.string(),
    hiddenSize: z.int().positive(),
    layers: z.int().positive(),
    vocabularySize: z.int().positive(),
    name: z.string(),
  }),
  /** What importance was measured as. */
  label: z
    .string()
    .default(defaultLabel)
    .transform((text) => parseLabel(text)),
  /** Number format of the KV cache in the teacher-forced pass. */
  kvType: z.string(),
  /** null: all thinking tokens of each trace. */
  tokensPerTrace: z.int().positive().nullable(),
  /** Of the choice of tokens. */
  seed: z.int().nonnegative(),
  versions: z.record(z.string(), z.string()),
})
export type ImportanceManifest = z.infer<typeof importanceManifest>

/**
 * One trace. Its block in the shard, all little-endian, one array behind the other:
 * importance float32 [thinkingTokens]; promptImportance float32 [promptTokens]; sampled int32 [storedTokens] (indices into the
 * thinking tokens, ascending); states float16 [storedTokens x d], last hidden states of the sampled tokens.
 */
const importanceRecord = z.object({
  schema: z.literal(importanceSchema),
  /** The trace's id: the key. */
  id: z.string(),
  /** Id of the question: validation is split by it. */
  question: z.string(),
  promptTokens: z.int().positive(),
  thinkingTokens: z.int().positive(),
  answerTokens: z.int().positive(),
  storedTokens: z.int().positive(),
  /** File name of the shard, offset and length of the block in bytes. */
  shard: z.string(),
  offset: z.int().nonnegative(),
  bytes: z.int().positive(),
})
export type ImportanceRecord = z.infer<typeof importanceRecord>
export const importanceRecords: RecordFormat<ImportanceRecord> = { schema: importanceRecord, keyOf: ({ id }) => id }

export interface ImportanceArrays {
  /** Mean attention that each thinking token gets from the answer's tokens, or what else the manifest's label says. */
  readonly importance: Float32Array
  readonly promptImportance: Float32Array
  readonly sampled: Int32Array
  /** Float16 bit patterns. */
  readonly states: Uint16Array
}
