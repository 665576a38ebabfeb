/**
 * The right answer in a record: the value of its field, or the final answer of a worked solution in it.
 */
import { chosenField, isEmpty, isObject, messagesOf, named, plainName, refusal } from './question-fields.ts'
import type { Field, Fields } from './question-fields.ts'
import { InputError } from '../errors.ts'
import { extractAnswer } from './grading/extract-answer.ts'
import { knownAnswer } from './known-answer.ts'

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
 * The field of the answer. Undefined: there is one, and nothing in it.
 * @throws InputError `invalid_questions` for a row that has none
 */
export function answerField(fields: Fields, chosen: string | undefined, hasChoices: boolean): Field | undefined {
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
  const telling = held.find((field) => (isWorked(field) ? solved(field) !== undefined : !isObject(field.value)))
  // An answer that is there and empty says that there is none, whatever stands beside it.
  return telling ?? (there.some((field) => !isWorked(field) && isEmpty(field.value)) ? undefined : held[0])
}

/**
 * The field of the answer in a row that may have none. Fields that as a rule hold what a model wrote tell none here.
 * @returns undefined: no field tells it
 * @throws InputError `invalid_questions` for a chosen field that is not there
 */
export function answerFieldIfTold(fields: Fields, chosen: string | undefined, hasChoices: boolean): Field | undefined {
  if (chosen !== undefined) return answerField(fields, chosen, hasChoices)
  const there = named(fields, [...(hasChoices ? choiceAnswerNames : []), ...answerNames, 'solution'])
  return there.find(
    (field) => !isEmpty(field.value) && (isWorked(field) ? solved(field) !== undefined : !isObject(field.value)),
  )
}

/**
 * The answer as text; empty: there is none.
 * @throws InputError `invalid_questions` for a value that cannot be compared, and a solution that does not tell its answer
 */
export function answerText(fields: Fields, field: Field): string {
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
