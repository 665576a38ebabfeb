/** What `dynts analyze pareto` writes: one self-contained line for every answer. */
import { z } from 'zod'
import { gradingKinds } from '../../evaluation/grading/grade-answer.ts'
import type { RecordFormat } from '../../records/read-records.ts'
import { fingerprint } from '../../traces/trace-record.ts'
import { selections } from './kept-tokens.ts'

export const paretoSchema = 'dynts.pareto/1'

/**
 * `text`: the kept tokens follow each other, as in the paper. `cells`: the whole thinking was read, and the cells of the others left the
 * cache; those that stay keep their positions.
 */
export const readings = ['text', 'cells'] as const
export type Reading = (typeof readings)[number]

const count = z.int().nonnegative()

/** What all answers of a file have in common. */
const paretoConditions = {
  model: fingerprint,
  settings: z.object({
    temperature: z.number(),
    topP: z.number(),
    topK: z.number(),
    minP: z.number(),
    maxTokens: z.int().positive(),
    kvType: z.string(),
    /** Of the run: those of its answers, and with them the random choice, follow from it. Not known of the first files. */
    seed: count.optional(),
  }),
  /** Between which the model thinks; undefined: an older record does not say. */
  thinkingTags: z.object({ open: z.string(), close: z.string() }).optional(),
}

const paretoRecord = z.object({
  schema: z.literal(paretoSchema),
  /** Id of the trace, and of its question. */
  trace: z.string(),
  question: z.string(),
  /** The task that the question is an item of. */
  task: z.string().optional(),
  /** Null: all of the thinking was kept, which is the same in both readings. */
  reading: z.enum(readings).nullable(),
  /** `full`: all of the thinking; `none`: nothing of it. */
  selection: z.enum([...selections, 'full', 'none']),
  /** Share of the thinking that was kept, as asked for. */
  percent: z.number().nonnegative(),
  /** Which answer to the same thinking, from 0. */
  sample: count,
  seed: count,
  /** The first 16 hexadecimal digits of the SHA-256 of the trace up to its answer, and of the scores that decided what was kept. */
  basis: z.string(),
  thinkingTokens: count,
  keptTokens: count,
  /** The right answer; where none is known, the trace's own. */
  expected: z.string(),
  grading: z.enum(gradingKinds),
  /** Extracted from the text; null: none. */
  answer: z.string().nullable(),
  right: z.boolean(),
  /** How it was graded, e.g. `exact`, `letter`, `truncated`. */
  graded: z.string(),
  /** Cut off by the number of tokens: wrong. */
  truncated: z.boolean(),
  /** Whether the model's thinking tags come again in it: then it did not answer from what was kept alone. */
  thoughtAgain: z.boolean(),
  /** What was generated. */
  text: z.string(),
  answerTokens: count,
  ...paretoConditions,
  versions: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
})
export type ParetoRecord = Readonly<z.infer<typeof paretoRecord>>
export type ParetoConditions = Pick<ParetoRecord, keyof typeof paretoConditions>

export const paretoRecords: RecordFormat<ParetoRecord> = { schema: paretoRecord, keyOf: paretoKey }

/** What an answer is to. */
export function paretoKey(of: Pick<ParetoRecord, 'trace' | 'reading' | 'selection' | 'percent' | 'sample'>): string {
  return JSON.stringify([of.trace, of.reading, of.selection, of.percent, of.sample])
}
