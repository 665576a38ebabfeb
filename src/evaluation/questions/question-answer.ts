/**
 * The right answer in a record: the value of its field, or the final answer of a worked solution in it. Of a question with choices it is
 * as the file has it (`rightChoices`).
 */
import { InputError } from '../../errors.ts'
import { isObject } from '../../is-object.ts'
import { extractAnswer } from '../grading/extract-answer.ts'
import { knownAnswer } from '../known-answer.ts'
import { chosenField, isEmpty, messagesOf, named, plainName, refusal } from './question-fields.ts'
import type { Field, Fields } from './question-fields.ts'

/** Names of what is an answer and nothing else come first: a field `answer` beside it may hold a whole solution. */
const answerNames = [
  ...['finalanswer', 'finalans', 'answernumber', 'numericanswer', 'answer', 'target', 'targets'],
  ...['expectedanswer', 'expected', 'groundtruth', 'rewardmodel.groundtruth', 'goldanswer', 'gold', 'correctanswer'],
  ...['correct', 'ideal', 'finaldecision', 'answer.value', 'label'],
]
/** Of choices: what says which one first. */
const choiceAnswerNames = [
  ...['answerkey', 'answeridx', 'answerindex', 'answerletter', 'correctoption', 'correctchoice', 'correctidx'],
  ...['correctindex', 'cop', 'goldindex', 'goldidx'],
]
/** Texts that work the answer out. */
const workedNames = ['output', 'response', 'completion', 'solution', 'messages', 'conversations', 'conversation']
/** These may be the bare answer as well. */
const mayBeBare = new Set(['output', 'response', 'completion'])

/**
 * The answer; undefined: its field is there, and nothing in it.
 * @param chosen the field that the user names
 * @throws InputError `invalid_questions` for a row that has no such field, a value that cannot be compared, and a solution that does not
 *   tell its answer
 */
export function readAnswer(
  fields: Fields,
  chosen: string | undefined,
  hasChoices: boolean,
): string | number | undefined {
  return valueOf(fields, answerField(fields, chosen, hasChoices), hasChoices)
}

/**
 * The answer of a row that may have none. Fields that as a rule hold what a model wrote tell none here.
 * @throws InputError `invalid_questions` for a chosen field that is not there, and as `readAnswer` for what it holds
 */
export function readAnswerIfTold(
  fields: Fields,
  chosen: string | undefined,
  hasChoices: boolean,
): string | number | undefined {
  if (chosen !== undefined) return readAnswer(fields, chosen, hasChoices)
  const there = named(fields, [...(hasChoices ? choiceAnswerNames : []), ...answerNames, 'solution'])
  return valueOf(fields, there.find(tellsAnswer), hasChoices)
}

/** Undefined: there is one, and nothing in it. */
function answerField(fields: Fields, chosen: string | undefined, hasChoices: boolean): Field | undefined {
  if (chosen !== undefined) {
    const field = chosenField(fields, chosen, 'answer')
    return isEmpty(field.value) ? undefined : field
  }
  const names = [...(hasChoices ? choiceAnswerNames : []), ...answerNames, ...workedNames]
  const there = named(fields, names)
  if (there.length === 0) {
    throw refusal(fields, 'answer', `looked for ${answerNames.slice(0, 7).join(', ')}, solution and the like`)
  }
  const held = there.filter(({ value }) => !isEmpty(value))
  const telling = held.find(tellsAnswer)
  // An answer that is there and empty says that there is none, whatever stands beside it.
  return telling ?? (there.some((field) => !isWorked(field) && isEmpty(field.value)) ? undefined : held[0])
}

function tellsAnswer(field: Field): boolean {
  if (isEmpty(field.value)) return false
  return isWorked(field) ? solved(field) !== undefined : !isObject(field.value)
}

function valueOf(fields: Fields, field: Field | undefined, hasChoices: boolean): string | number | undefined {
  if (!field) return undefined
  const number = hasChoices ? wholeNumber(field.value) : undefined
  // Test sets whose answers are kept back say -1.
  if (number !== undefined) return number < 0 ? undefined : number
  return answerText(fields, field) || undefined
}

/** A whole number, alone or in a list of one. */
function wholeNumber(value: unknown): number | undefined {
  const alone: unknown = Array.isArray(value) && value.length === 1 ? value[0] : value
  const number = typeof alone === 'bigint' ? Number(alone) : alone
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined
}

/** Empty: there is none. */
function answerText(fields: Fields, field: Field): string {
  const { name, value } = field
  if (isWorked(field)) {
    const found = solved(field)
    if (found !== undefined) return found
    throw new InputError(
      'invalid_questions',
      `${fields.path}: the "${name}" in ${fields.place} has no \\boxed{...} and no last line "#### ..." that tells the answer. Name the field that holds it with \`answerField\`.`,
    )
  }
  const answer = isObject(value) ? undefined : knownAnswer(value, false)
  if (answer !== undefined) return withoutUnit(answer)
  throw refusal(fields, 'answer', `what "${name}" holds cannot be compared`)
}

function isWorked({ name }: Field): boolean {
  return workedNames.includes(plainName(name))
}

function solved({ name, value }: Field): string | undefined {
  const text = messagesOf(value)?.findLast(({ role }) => role === 'assistant')?.content ?? value
  if (typeof text !== 'string') return isObject(value) ? undefined : knownAnswer(value, true)
  const found = extractAnswer(text)
  if (found !== undefined) return found
  return mayBeBare.has(plainName(name)) && !text.trim().includes('\n') ? text.trim() : undefined
}

/** `9 (apples)`, as ASDiv writes it. */
function withoutUnit(answer: string): string {
  const [, number] = /^([-+]?\d[\d.,]*(?:\/\d+)?) \((?!mod\b)[a-z][a-z .-]*\)$/i.exec(answer) ?? []
  return number ?? answer
}
