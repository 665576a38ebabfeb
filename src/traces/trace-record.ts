/**
 * What `dynts trace` writes: one line for every sample, drawn or given, kept or dropped, so that a dropped one is not sampled again.
 */
import { z } from 'zod'
import type { TraceLayout } from '../engine/trace-layout.ts'
import { gradingKinds } from '../evaluation/grading/grade-answer.ts'
import type { RecordFormat } from '../records/read-records.ts'

export const traceSchema = 'dynts.trace/1'

/** Why a sample is not kept, in the order in which it is asked. */
export const dropReasons = [
  /** Cut off before its end, by the number of tokens or by the endpoint; given without an end of its thinking, or without a reply. */
  'truncated',
  /** No thinking part, or an empty one. */
  'no-thinking',
  /** More than one thinking part. */
  'several-thinking-parts',
  /** Longer than `maxLength`, prompt included. */
  'too-long',
  /** No answer after the thinking, or none that can be extracted. */
  'no-answer',
  'wrong-answer',
] as const
export type DropReason = (typeof dropReasons)[number]

/** Of a model. */
export const fingerprint = z.object({
  architecture: z.string(),
  hiddenSize: z.int(),
  layers: z.int(),
  vocabularySize: z.int(),
  name: z.string(),
})

const common = {
  schema: z.literal(traceSchema),
  /** `QUESTION#SAMPLE`: the key. */
  id: z.string(),
  /** Id of the question. */
  question: z.string(),
  sample: z.int().nonnegative(),
  /** The task that the question is an item of. */
  task: z.string().optional(),
  /** Null: not known, because the trace was given. */
  seed: z.int().nonnegative().nullable(),
  /** The GGUF whose template and tokens these are. */
  model: fingerprint,
  /** `local`, the model's name at the endpoint, or `given`. */
  source: z.string(),
  /** The first 16 hexadecimal digits of the SHA-256 of a given trace's prompt and text. */
  given: z.string().optional(),
  /** Null: not known of given traces. */
  settings: z.object({
    temperature: z.number().nullable(),
    topP: z.number().nullable(),
    topK: z.number().nullable(),
    minP: z.number().nullable(),
    maxTokens: z.int().nullable(),
    maxLength: z.int(),
    /** What was added behind each question; empty: nothing. */
    instruction: z.string(),
    /** Number format of the KV cache; null: not known, because it was sampled elsewhere. */
    kvType: z.string().nullable(),
    /** SHA-256 of the chat template, variables and tags that were given (`templateHash`); null: the model's own. */
    template: z.string().nullable().default(null),
  }),
  /** The tags that were given in place of those that the template names. */
  thinkingTags: z.object({ open: z.string(), close: z.string() }).optional(),
  /** Right answer, as the question file or the task has it (of programs: their tests, as JSON); null: a given trace had none to be judged by. */
  expected: z.string().nullable(),
  /** How answers are compared with `expected`; undefined: there is none, or an older record does not say. */
  grading: z.enum(gradingKinds).optional(),
  /** Extracted from the trace; null: none. */
  answer: z.string().nullable(),
  thinkingTokens: z.int().nonnegative(),
  answerTokens: z.int().nonnegative(),
  versions: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
}

/** A complete trace with the right answer, or a given one without any to compare with. Positions count from 0, the prompt's first token. */
const keptTrace = z.object({
  ...common,
  outcome: z.literal('kept'),
  /** M: the prompt's tokens, a `<think>` that belongs to it included. */
  promptTokens: z.int().positive(),
  /** The thinking tokens are the positions thinkStart .. thinkEnd - 1: strictly between the tags. */
  thinkStart: z.int().positive(),
  thinkEnd: z.int().positive(),
  /** First position after `</think>`; the answer goes to the last token, the end token included. */
  answerStart: z.int().positive(),
  /** Prompt, thinking and answer. */
  tokens: z.array(z.int().nonnegative()),
})

const droppedTrace = z.object({ ...common, outcome: z.enum(dropReasons) })

const traceRecord = z.discriminatedUnion('outcome', [keptTrace, droppedTrace])
export type TraceRecord = z.infer<typeof traceRecord>
export type KeptTrace = z.infer<typeof keptTrace>
export type DroppedTrace = z.infer<typeof droppedTrace>
export const traceRecords: RecordFormat<TraceRecord> = { schema: traceRecord, keyOf: ({ id }) => id }

/** What became of a trace. */
export interface TraceJudgement {
  readonly outcome: 'kept' | DropReason
  /** Extracted from the answer; null: none, or it was not asked for. */
  readonly answer: string | null
}

/** What is known of a trace apart from its tokens. */
type TraceOrigin = Pick<
  DroppedTrace,
  | 'id'
  | 'question'
  | 'sample'
  | 'task'
  | 'seed'
  | 'given'
  | 'thinkingTags'
  | 'expected'
  | 'grading'
  | 'model'
  | 'source'
  | 'settings'
  | 'versions'
>

/** The record of a judged trace, as of now; only a kept one has its tokens. */
export function makeRecord(
  origin: TraceOrigin,
  { promptTokens, thinkStart, thinkEnd, answerStart, tokens }: TraceLayout,
  { outcome, answer }: TraceJudgement,
): TraceRecord {
  const common: Omit<DroppedTrace, 'outcome'> = {
    schema: traceSchema,
    ...origin,
    answer,
    thinkingTokens: thinkEnd - thinkStart,
    answerTokens: tokens.length - answerStart,
    at: new Date().toISOString(),
  }
  if (outcome !== 'kept') return { ...common, outcome }
  return { ...common, outcome, promptTokens, thinkStart, thinkEnd, answerStart, tokens: [...tokens] }
}
