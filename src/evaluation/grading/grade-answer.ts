/** Whether an extracted answer is right, by the kind of its question. */
import { choiceLetter } from './choice-letter.ts'
import { gradeProgram, type ProgramSandbox } from './grade-program.ts'
import { sameNames } from './name-list.ts'

/**
 * `math`: mathematical equality, `choice`: the letter, `chain`: the same text (the embedded model's own problems), `names`: the same
 * names, `order`: the same names in the same order, `code`: a program that passes its tests.
 */
export const gradingKinds = ['math', 'choice', 'chain', 'names', 'order', 'code'] as const
export type GradingKind = (typeof gradingKinds)[number]

/** Compares mathematical answers, and runs programs. `Grader` is one. */
export interface AnswerGrader extends Partial<ProgramSandbox> {
  grade(given: string, expected: string): Promise<{ readonly right: boolean; readonly how?: string | undefined }>
}

export interface Grade {
  readonly right: boolean
  /** `exact` (text), `letter`, `names`, `tests`, `output`, what a program failed by, or what the grader says. */
  readonly graded: string
}

export async function gradeAnswer(
  given: string,
  { expected, grading }: { readonly expected: string; readonly grading: GradingKind },
  grader: AnswerGrader,
): Promise<Grade> {
  if (grading === 'chain') return { right: given.trim() === expected.trim(), graded: 'exact' }
  if (grading === 'choice') return { right: choiceLetter(given) === choiceLetter(expected), graded: 'letter' }
  if (grading === 'code') return await gradeProgram(given, expected, grader)
  if (grading === 'names' || grading === 'order') {
    return { right: sameNames(given, expected, grading === 'order'), graded: 'names' }
  }
  const { right, how = 'equivalence' } = await grader.grade(given, expected)
  return { right, graded: how }
}
