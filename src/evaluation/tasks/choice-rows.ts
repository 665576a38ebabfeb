/** Questions with four choices from a file, and the order in which the choices are shown. */
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { choiceLetters, choiceText } from '../questions/choice-text.ts'
import { Dice, seedOf } from '../dice.ts'
import { readRows } from '../questions/question-rows.ts'
import { choicePrompt } from './prompts.ts'
import type { TaskItem } from './task.ts'

/** The columns that count, named as GPQA's authors do. */
const choiceRow = z.object({
  Question: z.string().trim().min(1),
  'Correct Answer': z.string().trim().min(1),
  'Incorrect Answer 1': z.string().trim().min(1),
  'Incorrect Answer 2': z.string().trim().min(1),
  'Incorrect Answer 3': z.string().trim().min(1),
  'Record ID': z.string().nullish(),
})
type ChoiceRow = z.infer<typeof choiceRow>

/**
 * @param path what `readQuestions` reads
 * @param seed of the order of the choices
 * @throws InputError `questions_not_found`, `invalid_csv`, `invalid_questions`
 */
export async function readChoiceItems(
  path: string,
  { seed, limit }: { seed: number; limit?: number | undefined },
): Promise<TaskItem[]> {
  const rows = await readRows(path, limit)
  return rows.map(({ fields }, index) => choiceItem(parseRow(fields, path, index), index, seed))
}

/**
 * The choices in an order that depends on the seed and the item's id alone: the same under every policy, with every limit and
 * on every machine.
 */
export function choiceItem(row: ChoiceRow, index: number, seed: number): TaskItem {
  // A copy of the data may have the column and nothing in it.
  const recordId = row['Record ID'] ?? ''
  const id = recordId.trim() === '' ? String(index) : recordId
  // The right one first.
  const all = [row['Correct Answer'], row['Incorrect Answer 1'], row['Incorrect Answer 2'], row['Incorrect Answer 3']]
  const order = new Dice(seedOf('choices', seed, id)).order(all.length)
  const choices = order.map((from) => all[from] ?? '')
  const expected = choiceLetters[order.indexOf(0)] ?? ''
  return {
    id,
    index,
    prompt: choicePrompt(choiceText(row.Question, choices), choices.length),
    expected,
    kind: 'choice',
  }
}

function parseRow(row: unknown, path: string, index: number): ChoiceRow {
  const parsed = choiceRow.safeParse(row)
  if (parsed.success) return parsed.data
  const missing = parsed.error.issues.map((issue) => issue.path.join('.')).filter((name) => name !== '')
  const what = missing.length > 0 ? `: see ${missing.join(', ')}` : ''
  throw new InputError('invalid_questions', `${path}, question ${index + 1}, has no question with four choices${what}.`)
}
