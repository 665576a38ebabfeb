/**
 * Whether a sample is right, and how that was decided. Knows nothing of engines or files.
 */
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
  if (grading === 'choice') return { answer, right: letterOf(extracted) === letterOf(expected), graded: 'letter' }
  const { right, how = 'equivalence' } = await grader.grade(extracted, expected)
  return { answer, right, graded: how }
}

/** The letter of a choice in `B`, `(b)`, `\text{(B) because}`, `B. because` or `option B`; else the text itself. */
export function letterOf(answer: string): string {
  const bare = answer.replaceAll(/\\[a-z]+|[{}()[\]$*\s]+/gi, ' ').trim()
  const [, letter] = /^(?:(?:the |choice |option |answer )*)([A-D])(?![A-Za-z0-9])/i.exec(bare) ?? []
  return (letter ?? bare).toUpperCase()
}
