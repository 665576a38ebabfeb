/**
 * Whether a sample is right, and how that was decided. Knows nothing of engines or files.
 */
import { choiceLetter } from '../grading/choice-letter.ts'
import { extractAnswer } from '../grading/extract-answer.ts'
import type { GradingKind } from '../tasks/task.ts'

/** Compares mathematical answers. */
export interface AnswerGrader {
  grade(given: string, expected: string): Promise<{ readonly right: boolean; readonly how?: string | undefined }>
}

export interface Verdict {
  /** Extracted; null: there is none. */
  readonly answer: string | null
  readonly right: boolean
  /** `truncated`, `no-answer`, `exact` (text), `letter`, or what the grader says. */
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
): Promise<Verdict> {
  const extracted = extractAnswer(text)
  const answer = extracted ?? null
  if (truncated) return { answer, right: false, graded: 'truncated' }
  if (extracted === undefined || extracted === '') return { answer, right: false, graded: 'no-answer' }
  if (grading === 'chain') return { answer, right: extracted.trim() === expected.trim(), graded: 'exact' }
  if (grading === 'choice')
    return { answer, right: choiceLetter(extracted) === choiceLetter(expected), graded: 'letter' }
  const { right, how = 'equivalence' } = await grader.grade(extracted, expected)
  return { answer, right, graded: how }
}
