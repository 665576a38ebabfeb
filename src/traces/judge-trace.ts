/**
 * Whether a sample is a trace to learn from: complete, thought exactly once, not too long, and answered rightly.
 */
import type { TraceLayout } from '../engine/trace-layout.ts'
import { extractAnswer } from '../evaluation/grading/extract-answer.ts'
import type { AnswerGrader, GradingKind } from '../evaluation/grading/grade-answer.ts'
import { judge } from '../evaluation/run/judge.ts'
import { gradingOf } from './trace-question.ts'
import type { TraceJudgement } from './trace-record.ts'

/** What a sample is judged by, apart from itself. */
export interface JudgeOptions {
  /** Whether the model ended the sample by itself. */
  readonly stopped: boolean
  /** The most tokens, prompt included. */
  readonly maxLength: number
  readonly question: {
    /** Null: there is nothing to judge the answer by; having one is enough. */
    readonly answer: string | null
    readonly choices?: readonly string[] | undefined
    /** Undefined: by the letter where there are choices, else as mathematics. */
    readonly grading?: GradingKind | undefined
  }
  readonly grader: AnswerGrader
}

/** Asks in the order of `dropReasons`. */
export async function judgeTrace(layout: TraceLayout, options: JudgeOptions): Promise<TraceJudgement> {
  const { stopped, maxLength, grader } = options
  const { answer: expected } = options.question
  const isTooLong = layout.tokens.length > maxLength
  // Sampling ends one token above the limit: such a sample was not cut off, it is too long.
  if (!stopped && !isTooLong) return { outcome: 'truncated', answer: null }
  if (!hasThinking(layout)) return { outcome: 'no-thinking', answer: null }
  if (layout.thinkingParts > 1) return { outcome: 'several-thinking-parts', answer: null }
  if (isTooLong) return { outcome: 'too-long', answer: null }
  if (expected === null) {
    const answer = extractAnswer(layout.answer) ?? null
    return { outcome: layout.answer.trim() === '' ? 'no-answer' : 'kept', answer }
  }
  const judged = { answer: layout.answer, truncated: false, expected, grading: gradingOf(options.question) }
  const { answer, right } = await judge(judged, grader)
  if (answer === null || answer === '') return { outcome: 'no-answer', answer: null }
  return { outcome: right ? 'kept' : 'wrong-answer', answer }
}

/** White space between the tags, as Qwen3 writes it when it does not think, is no thinking. */
export function hasThinking({ thinkStart, thinkEnd, thinking }: TraceLayout): boolean {
  return thinkEnd > thinkStart && thinking.trim() !== ''
}
