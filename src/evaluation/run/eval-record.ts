/**
 * What `dynts eval` writes: one self-contained line for every job. docs/evaluation.md explains the fields.
 */
import { z } from 'zod'
import type { RecordFormat } from '../../records/read-records.ts'
import { identityFields, jobFields, jobKey } from './eval-job.ts'

export const evalSchema = 'dynts.eval/1'

const count = z.int().nonnegative()
const common = {
  schema: z.literal(evalSchema),
  ...jobFields,
  ...identityFields,
  /** Why the policy could not even begin, e.g. a prompt too long for the budget; null: it did. Counts as wrong. */
  refused: z.string().nullable(),
  /** Whether answer cells had to leave. */
  degraded: z.boolean(),
  promptTokens: count,
  thinkingTokens: count,
  /** All other generated tokens, tags and end token included. */
  answerTokens: count,
  generatedTokens: count,
  meanCells: z.number().nonnegative(),
  peakCells: count,
  peakBytes: count,
  evictions: count,
  compactions: count,
  /**
   * Time since the previous record of its configuration in this run, or since its start, as the main thread hears of it, while
   * the engine already runs the next sequence. Of one record it says little; the sums are exact.
   */
  wallMs: z.number().nonnegative(),
  /** Of the forward passes that this sequence took part in. */
  forwardMs: z.number().nonnegative(),
  /** Of all its evictions, scoring included; absent in records of earlier versions. */
  evictionMs: z.number().nonnegative().optional(),
  machine: z.object({ backend: z.string(), threads: count, parallel: count }),
  versions: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
}

const sampleRecord = z.object({
  ...common,
  kind: z.literal('sample'),
  /** Extracted from the text; null: none. */
  answer: z.string().nullable(),
  right: z.boolean(),
  /** How it was graded, e.g. `exact`, `letter`, `truncated`. */
  graded: z.string(),
  /** Cut off by the number of tokens, or ended without having closed its thinking: wrong. */
  truncated: z.boolean(),
  looped: z.boolean(),
  text: z.string(),
  /** The generated tokens under `full`, for replays; null under all other policies. */
  tokens: z.array(count).nullable(),
})

const recallResult = z.object({
  /** Tokens from the fact's last one to the first one of its repeated value, as asked for and as they are. */
  distance: z.int().positive(),
  tokensBetween: z.int().positive(),
  /** Share of the fact's cells that are held when its value is repeated, 0 to 1. */
  held: z.number().min(0).max(1),
  /** Whether each token of the value was the likeliest one. */
  right: z.boolean(),
  /** Of the whole value, natural logarithm. */
  logprob: z.number(),
})
export type RecallResult = Readonly<z.infer<typeof recallResult>>

const replayRecord = z.object({
  ...common,
  kind: z.literal('replay'),
  /** Key of the record whose trace was replayed. */
  reference: z.string(),
  /** Mean negative log-likelihood of the answer's tokens, in nats; null if the replay was refused. */
  loss: z.number().nullable(),
  /** Of a trace that states a fact once and repeats its value at the end; absent: it does not, or the replay was refused. */
  recall: recallResult.optional(),
})

export const evalRecord = z.discriminatedUnion('kind', [sampleRecord, replayRecord])
export type SampleRecord = Readonly<z.infer<typeof sampleRecord>>
export type ReplayRecord = Readonly<z.infer<typeof replayRecord>>
export type EvalRecord = SampleRecord | ReplayRecord

export function recordKey(record: EvalRecord): string {
  return jobKey(record, record)
}

export const evalRecords: RecordFormat<EvalRecord> = { schema: evalRecord, keyOf: recordKey }

/** What of a record differs from run to run even if everything was the same. */
const circumstances: ReadonlySet<string> = new Set(['wallMs', 'forwardMs', 'evictionMs', 'at', 'machine', 'versions'])

/** A record without its timings and circumstances. */
export function withoutTimings(record: EvalRecord): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !circumstances.has(key)))
}
