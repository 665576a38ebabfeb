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

/** A letter alone, with or without brackets. */
const onlyLetter = /^\(?\s*([A-D])\s*\)?\.?$/i
/** A letter in brackets, or with a mark behind it, and what the choice says. */
const labelled = /^(?:\(\s*([A-Da-d])\s*\)|([A-D])(?:[.):]|(?=\s+[-\u2013\u2014(])))\s*(.*)$/s
/** What makes an answer more than one choice. */
const further = /\(\s*[A-D]\s*\)|^[A-D][.):]|^(?:[\s,/&\u2013\u2014-]|and\b|or\b)+\(?[A-D]\b/

/**
 * The letter of a choice in `B`, `(b)`, `\text{(B) because}`, `B. because` or `option B`; else the text itself, also where it
 * only begins with a letter (`a proton`, `C-14`) or names several (`A and B`).
 */
export function letterOf(answer: string): string {
  const plain = answer.replaceAll(/\\[a-z]+|\\[,;! ]|[{}[\]$*\s]+/gi, ' ').trim()
  const bare = plain.replace(/^(?:(?:the|choice|option|answer|is)\b[\s:]*)+/i, '')
  const [, alone] = onlyLetter.exec(bare) ?? []
  const [, bracketed, marked, rest = ''] = labelled.exec(bare) ?? []
  const label = further.test(rest) ? undefined : (bracketed ?? marked)
  return (alone ?? label ?? bare).toUpperCase()
}
