/**
 * Reads questions with known answers from a file: JSON Lines, a JSON array or Parquet, with the fields of the public
 * benchmarks. Knows nothing of prompts, models or whether an answer is right.
 */
import { createHash } from 'node:crypto'
import { InputError } from '../errors.ts'
import { readRows, type Row } from './question-rows.ts'
import { knownAnswer } from './known-answer.ts'

export interface Question {
  readonly id: string
  readonly question: string
  readonly answer: string
  /** Place in the file, from 0. */
  readonly index: number
}

export interface QuestionFileOptions {
  /** Without it: the first of `question`, `problem`, `prompt`, `input` that a record has; case does not matter. */
  readonly questionField?: string | undefined
  /** Without it: the first of `answer`, `final_answer`, `target`, `expected_answer`, `gold`, `label`, `solution`. */
  readonly answerField?: string | undefined
  /** Without it: the first of `id`, `unique_id`, `problem_id`, `question_id`; without any, a hash of the question. */
  readonly idField?: string | undefined
  /** Read only so many questions, from the start; the rest of the file is not looked at. */
  readonly limit?: number | undefined
}

const questionFields = ['question', 'problem', 'prompt', 'input']
const answerFields = ['answer', 'final_answer', 'target', 'expected_answer', 'gold', 'label', 'solution']
const idFields = ['id', 'unique_id', 'problem_id', 'question_id']
/** How many hexadecimal digits of the question's SHA-256 make an id. */
const hashDigits = 12

/**
 * The questions of a file, in its order. A question without an id is called by the first 12 hexadecimal digits of the
 * SHA-256 of its text; where that repeats, `-2`, `-3` and so on follow.
 * @throws InputError `questions_not_found`, `invalid_questions` (saying which line or row), `repeated_question_id`
 */
export async function readQuestions(path: string, options: QuestionFileOptions = {}): Promise<Question[]> {
  const { limit } = options
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new InputError('invalid_limit', `The limit must be a whole number from 1, not ${limit}.`)
  }
  const questions: Question[] = []
  const places = new Map<string, string>()
  for (const row of await readRows(path, limit)) {
    const index = questions.length
    const question = questionOf(row, path, options.questionField)
    const answer = answerOf(row, path, options.answerField)
    const given = idOf(row, path, options.idField)
    const earlier = given === undefined ? undefined : places.get(given)
    if (earlier !== undefined) {
      throw new InputError(
        'repeated_question_id',
        `${path}: the id "${given ?? ''}" is used twice, in ${earlier} and ${row.place}. Give each question its own id.`,
      )
    }
    const id = given ?? freeName(hashOf(question), places)
    places.set(id, row.place)
    questions.push({ id, question, answer, index })
  }
  if (questions.length === 0) throw new InputError('invalid_questions', `${path} holds no questions.`)
  return questions
}

function questionOf(row: Row, path: string, chosen: string | undefined): string {
  const value = fieldOf(row, chosen, questionFields)?.value
  if (typeof value === 'string' && value.trim() !== '') return value
  throw lacking(row, path, 'question', chosen, questionFields)
}

function answerOf(row: Row, path: string, chosen: string | undefined): string {
  const field = fieldOf(row, chosen, answerFields)
  if (!field) throw lacking(row, path, 'answer', chosen, answerFields)
  const worked = field.name.toLowerCase() === 'solution'
  const answer = knownAnswer(field.value, worked)
  if (answer !== undefined && answer !== '') return answer
  if (!worked || typeof field.value !== 'string') throw lacking(row, path, 'answer', chosen, answerFields)
  throw new InputError(
    'invalid_questions',
    `${path}: the "${field.name}" in ${row.place} has no \\boxed{...} and no last line "#### ..." that tells the answer. ` +
      'Name the field that holds it.',
  )
}

function idOf(row: Row, path: string, chosen: string | undefined): string | undefined {
  const value = fieldOf(row, chosen, idFields)?.value
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (chosen !== undefined) throw lacking(row, path, 'id', chosen, idFields)
  return undefined
}

/** The chosen field as it is named; else the first of the usual ones that holds something. */
function fieldOf(row: Row, chosen: string | undefined, usual: readonly string[]) {
  const holding = (name: string) => {
    const value = row.fields[name]
    return value === undefined || value === null || value === '' ? undefined : { name, value }
  }
  if (chosen !== undefined) return Object.hasOwn(row.fields, chosen) ? holding(chosen) : undefined
  const names = Object.keys(row.fields)
  for (const wanted of usual) {
    const found = names.filter((name) => name.toLowerCase() === wanted).flatMap((name) => holding(name) ?? [])[0]
    if (found) return found
  }
  return undefined
}

function lacking(row: Row, path: string, what: string, chosen: string | undefined, usual: readonly string[]) {
  const wanted = chosen === undefined ? `looked for ${usual.join(', ')}` : `looked for "${chosen}"`
  const there = Object.keys(row.fields).join(', ') || 'none'
  return new InputError('invalid_questions', `${path}: no ${what} in ${row.place} (${wanted}; its fields: ${there}).`)
}

function hashOf(question: string): string {
  return createHash('sha256').update(question).digest('hex').slice(0, hashDigits)
}

function freeName(name: string, taken: ReadonlyMap<string, string>): string {
  if (!taken.has(name)) return name
  for (let count = 2; ; count++) if (!taken.has(`${name}-${count}`)) return `${name}-${count}`
}
