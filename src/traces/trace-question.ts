/** What traces are sampled for: the questions of a file, or the items of a task. */
import { isChainProblem } from '../evaluation/chain-problem.ts'
import type { GradingKind } from '../evaluation/grading/grade-answer.ts'
import type { Question } from '../evaluation/questions/question-file.ts'
import { choicePrompt, mathPrompt } from '../evaluation/tasks/prompts.ts'
import type { TaskItem } from '../evaluation/tasks/task.ts'

export interface TraceQuestion extends Pick<Question, 'id' | 'question' | 'answer' | 'choices'> {
  /** Of a task's item: how its answers are graded. Its question is then the whole prompt, to which nothing is added. */
  readonly grading?: GradingKind | undefined
}

/** An item of a task as a question. */
export function taskQuestion({ id, prompt, expected, kind }: TaskItem): TraceQuestion {
  return { id, question: prompt, answer: expected, grading: kind }
}

/** How answers are graded: as the task says, by the letter where there are choices, else as mathematics. */
export function gradingOf({ grading, choices }: Pick<TraceQuestion, 'grading' | 'choices'>): GradingKind {
  return grading ?? (choices ? 'choice' : 'math')
}

/** What the user says: the question and what stands behind it. */
export function contentOf(
  { question, choices, grading }: Pick<TraceQuestion, 'question' | 'choices' | 'grading'>,
  instruction: string | undefined,
): string {
  if (grading !== undefined || isChainProblem(question)) return question
  if (instruction !== undefined) return `${question}${instruction}`
  return choices ? choicePrompt(question, choices.length) : mathPrompt(question)
}
