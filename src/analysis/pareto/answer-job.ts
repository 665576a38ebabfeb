/** What is to be answered, and what came, as plain data: it may go to another process or machine. Generates nothing. */
import { z } from 'zod'
import type { PromptEviction } from '../../engine/types.ts'
import type { TraceSampling } from '../../traces/trace-job.ts'

export interface AnswerJob {
  /** What it is, for people; it also tells jobs apart that happen to be equal. */
  readonly title: string
  /** Question, kept thinking and closing tag. */
  readonly tokens: readonly number[]
  /** What of them leaves the cache. */
  readonly promptEviction?: PromptEviction | undefined
  readonly sampling: TraceSampling
  readonly seed: number
  readonly maxTokens: number
}

export const answered = z.object({
  /** All that was generated. */
  text: z.string(),
  /** Without a further thinking. */
  answer: z.string(),
  /** Cut off by the number of tokens. */
  truncated: z.boolean(),
  answerTokens: z.int().nonnegative(),
  /** The llama.cpp that it was generated with. */
  release: z.string(),
})
export type Answered = Readonly<z.infer<typeof answered>>
