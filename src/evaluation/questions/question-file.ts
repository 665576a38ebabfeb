/**
 * Reads questions with known answers from a file: JSON Lines, a JSON array, Parquet or CSV, in the layouts of the public
 * benchmarks.
 */
import { createHash } from 'node:crypto'
import { checkFields } from '../../check-shape.ts'
import { isWhole } from '../../check-whole.ts'
import { InputError } from '../../errors.ts'
import { choiceLetters, choiceText } from './choice-text.ts'
import { Dice, seedOf } from '../dice.ts'
import { readAnswer } from './question-answer.ts'
import { choicesOf, type Choices } from './question-choices.ts'
import { chosenField, fieldsOf, named, refusal, type Fields } from './question-fields.ts'
import { readRows, type QuestionRow } from './question-rows.ts'
import { questionText } from './question-text.ts'
import { rightChoices, type AnsweredRow } from './right-choice.ts'

export interface Question {
  readonly id: string
  /** All of it: what a passage or an instruction says before it, and its choices behind it, each with its letter. */
  readonly question: string
  /** Of a question with choices the letter. */
  readonly answer: string
  /** Place among the questions, from 0. */
  readonly index: number
  /** In the order of their letters; undefined: the question has none. */
  readonly choices?: readonly string[] | undefined
}

export interface QuestionFile {
  readonly questions: readonly Question[]
  /** The places of rows whose answer is empty (`line 3`): they are no questions. */
  readonly leftOut: readonly string[]
}

export interface QuestionFileOptions {
  /**
   * The field that is the whole question (`outer.inner` for one inside another). Without it: the first of `question`, `problem`,
   * `prompt`, `query`, `input` and their like that a record has, with what belongs to it (`Body`, `passage`, `instruction` ...).
   */
  readonly questionField?: string | undefined
  /** Without it: the first of `final_answer`, `answer`, `target`, `expected_answer`, `gold`, `label`, `solution` and their like. */
  readonly answerField?: string | undefined
  /** Without it: the first of `id`, `unique_id`, `problem_id`, `question_id`; without any, a hash of the question. */
  readonly idField?: string | undefined
  /** Only so many questions, from the start. The rest is not looked at, unless the questions have choices. */
  readonly limit?: number | undefined
  /** Of the order of choices where the file has the right one and the wrong ones in fields of their own. Default 1. */
  readonly seed?: number | undefined
}

const idNames = ['id', 'uniqueid', 'problemid', 'questionid', 'qid']
/** How many hexadecimal digits of the question's SHA-256 make an id. */
const hashDigits = 12

const optionFields = { questionField: true, answerField: true, idField: true, limit: true, seed: true } as const

/** @throws as `readQuestionFile`; InputError `invalid_option` */
export async function readQuestions(path: string, options: QuestionFileOptions = {}): Promise<Question[]> {
  checkFields(options, optionFields, 'the options of readQuestions')
  return [...(await readQuestionFile(path, options)).questions]
}

/**
 * The questions of a file, in its order. A question without an id is called by the first 12 hexadecimal digits of the
 * SHA-256 of its text; where that repeats, `-2`, `-3` and so on follow.
 * @throws InputError `questions_not_found`, `invalid_questions` (saying which line or row), `repeated_question_id`
 */
export async function readQuestionFile(path: string, options: QuestionFileOptions = {}): Promise<QuestionFile> {
  const { limit = Infinity, seed = 1 } = options
  if (limit !== Infinity && !isWhole(limit, 1, Number.MAX_SAFE_INTEGER)) {
    throw new InputError('invalid_limit', `The limit must be a whole number from 1, not ${limit}.`)
  }
  let rows = (await readRows(path, limit)).map((row) => readRow(row, path, options))
  // What is left out makes room for more, and only the whole file tells how it names choices.
  if (rows.length === limit && rows.some((row) => row.answer === undefined || row.choices)) {
    rows = (await readRows(path)).map((row) => readRow(row, path, options))
  }
  const kept = withLetters(path, rows.filter(isAnswered), seed).slice(0, limit)
  const last = kept.at(-1)
  if (!last) {
    const what =
      rows.length === 0
        ? 'holds no questions.'
        : 'has no question whose answer is not empty. Name the field that holds the answers with `answerField`.'
    throw new InputError('invalid_questions', `${path} ${what}`)
  }
  const end = kept.length < limit ? rows.length : rows.findIndex(({ place }) => place === last.place)
  const leftOut = rows
    .slice(0, end)
    .filter(({ answer }) => answer === undefined)
    .map(({ place }) => place)
  return { questions: withIds(path, kept), leftOut }
}

interface ReadRow {
  readonly place: string
  /** As the file gives it. */
  readonly id: string | undefined
  readonly question: string
  readonly choices: Choices | undefined
  /** Undefined: it is empty. Of choices it is as the file has it. */
  readonly answer: string | number | undefined
}

function isAnswered(row: ReadRow): row is ReadRow & AnsweredRow {
  return row.answer !== undefined
}

/** A row without its place in the file's list of ids. */
type Numbered = Omit<Question, 'id' | 'index'> & Pick<ReadRow, 'place' | 'id'>

function readRow(
  row: QuestionRow,
  path: string,
  { questionField, answerField: chosen, idField }: QuestionFileOptions,
): ReadRow {
  const fields = fieldsOf(row, path)
  const question = questionText(fields, questionField)
  const choices = choicesOf(fields, chosen)
  const id = idOf(fields, idField)
  const answer = choices?.rightComesFirst === true ? 0 : readAnswer(fields, chosen, choices !== undefined)
  return { place: row.place, id, question, choices, answer }
}

/** Choices go behind their question, and letters take the place of what the file calls the right ones. */
function withLetters(path: string, rows: readonly (ReadRow & AnsweredRow)[], seed: number): Numbered[] {
  const right = rightChoices(path, rows)
  return rows.map(({ place, id, question, choices, answer }, i) => {
    if (!choices) return { place, id, question, answer: String(answer) }
    const { texts, rightComesFirst = false } = choices
    const order = rightComesFirst
      ? new Dice(seedOf('choices', seed, id ?? hashOf(question))).order(texts.length)
      : texts.map((_, from) => from)
    const shown = order.map((from) => (texts[from] ?? '').trim())
    const letter = choiceLetters[order.indexOf(right[i] ?? 0)] ?? ''
    return { place, id, question: choiceText(question, shown), answer: letter, choices: shown }
  })
}

/** Each question's own id, or a hash of its text. */
function withIds(path: string, rows: readonly Numbered[]): Question[] {
  const places = new Map<string, string>()
  return rows.map(({ place, id: given, ...rest }, index) => {
    const earlier = given === undefined ? undefined : places.get(given)
    if (earlier !== undefined) {
      throw new InputError(
        'repeated_question_id',
        `${path}: the id "${given ?? ''}" is used twice, in ${earlier} and ${place}. Give each question its own id.`,
      )
    }
    const id = given ?? freeName(hashOf(rest.question), places)
    places.set(id, place)
    return { id, ...rest, index }
  })
}

/** @throws InputError `invalid_questions` if the chosen field holds none */
export function idOf(fields: Fields, chosen: string | undefined): string | undefined {
  const field = chosen === undefined ? named(fields, idNames)[0] : chosenField(fields, chosen, 'id')
  const value = field?.value
  if (typeof value === 'string' && value.trim() !== '') return value.trim()
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (chosen !== undefined) throw refusal(fields, 'id', `"${chosen}" holds none`)
  return undefined
}

/** The name of a question without an id. */
export function hashOf(question: string): string {
  return createHash('sha256').update(question).digest('hex').slice(0, hashDigits)
}

/** The name, or with `-2`, `-3` and so on behind it. */
export function freeName(name: string, taken: { has(name: string): boolean }): string {
  if (!taken.has(name)) return name
  for (let count = 2; ; count++) if (!taken.has(`${name}-${count}`)) return `${name}-${count}`
}
