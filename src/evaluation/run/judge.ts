/**
 * Whether a sample is right, and how that was decided.
 */
import { programOf, readCodeCheck } from '../code/code-answer.ts'
import { extractAnswer } from '../grading/extract-answer.ts'
import { gradeAnswer, type AnswerGrader, type Grade, type GradingKind } from '../grading/grade-answer.ts'

export interface Judgement extends Grade {
  /** Extracted; null: there is none. */
  readonly answer: string | null
  /** `truncated`, `no-answer`, or as in `Grade`. */
  readonly graded: string
}

export interface Judged {
  /** The text behind the thinking. */
  readonly answer: string
  readonly truncated: boolean
  readonly expected: string
  readonly grading: GradingKind
}

/** A truncated sample is wrong, whatever it says; what it says is recorded. */
export async function judge(
  { answer: text, truncated, expected, grading }: Judged,
  grader: AnswerGrader,
): Promise<Judgement> {
  const extracted = grading === 'code' ? programOf(text, readCodeCheck(expected)) : extractAnswer(text)
  const answer = extracted ?? null
  if (truncated) return { answer, right: false, graded: 'truncated' }
  if (extracted === undefined || extracted === '') return { answer, right: false, graded: 'no-answer' }
  return { answer, ...(await gradeAnswer(extracted, { expected, grading }, grader)) }
}
