/**
 * Which of its choices a file's answer means. Files name it by its letter, its text or its place, counted from 0 or from 1:
 * what holds for all of a file's questions is taken.
 */
import { InputError } from '../../errors.ts'
import type { Choices } from './question-choices.ts'

/** A question, and what the file says is right. */
export interface AnsweredRow {
  /** For messages. */
  readonly place: string
  /** Undefined: it has none, and its answer is no choice. */
  readonly choices: Choices | undefined
  readonly answer: string | number
}

type ChoiceAnswer = AnsweredRow & { readonly choices: Choices }

/** The choice that an answer means, from 0; undefined: it means none in this reading. */
type Reading = (one: ChoiceAnswer) => number | undefined

const byLabel: Reading = ({ choices: { labels, texts }, answer }) => {
  const names = labels ?? texts.map((_, i) => String.fromCharCode(65 + i))
  const bare = String(answer)
    .trim()
    .replace(/^(?:option|choice|answer)\s*:?\s+/i, '')
  const [, name, rest = ''] = /^\(?(\w{1,2})(?:[).:]\s*(.*))?$/s.exec(bare) ?? []
  const at = indexIn(names, name)
  // `B. text`: the text must be that choice's.
  return at !== undefined && (rest === '' || plain(texts[at]) === plain(rest)) ? at : undefined
}
const byText: Reading = ({ choices: { texts }, answer }) => indexIn(texts, String(answer))
const byPlace =
  (first: number): Reading =>
  ({ choices: { texts }, answer }) => {
    if (!/^\d+$/.test(String(answer).trim())) return undefined
    const at = Number(answer) - first
    return at >= 0 && at < texts.length ? at : undefined
  }
const fromZero = byPlace(0)
const fromOne = byPlace(1)

/**
 * The right choice of each question, from 0; undefined: it has no choices.
 * @param rows all of the file, so that a limit changes no answer
 * @throws InputError `invalid_questions` for an answer that is none of its choices, or that may mean one or another
 */
export function rightChoices(path: string, rows: readonly AnsweredRow[]): (number | undefined)[] {
  const all = rows.filter(hasChoices)
  const [first] = all
  if (!first) return rows.map(() => undefined)
  const isNumber = all.every(({ answer }) => typeof answer === 'number')
  // A number is a place (MMLU); a text of digits may be the choice's own.
  const readings = isNumber ? [byLabel, fromZero, fromOne, byText] : [byLabel, byText, fromZero, fromOne]
  const fits = (reading: Reading) => all.every((one) => reading(one) !== undefined)
  const reading = readings.find(fits)
  if (!reading) {
    const stray = all.find((one) => readings.every((each) => each(one) === undefined)) ?? first
    throw refusal(path, stray, `is none of its ${stray.choices.texts.length} choices`)
  }
  if (reading === fromZero && fits(fromOne) && all.some(({ choices }) => choices.countsFromOne)) {
    throw refusal(path, first, 'may count its choices from 0 or from 1')
  }
  return rows.map((row) => (hasChoices(row) ? reading(row) : undefined))
}

function hasChoices(row: AnsweredRow): row is ChoiceAnswer {
  return row.choices !== undefined
}

function refusal(path: string, { place, answer }: ChoiceAnswer, why: string): InputError {
  return new InputError(
    'invalid_questions',
    `${path}: the answer "${String(answer).slice(0, 80)}" in ${place} ${why}. Name the field that tells the right one with \`answerField\`, by its letter or its text.`,
  )
}

function indexIn(names: readonly string[], wanted: string | undefined): number | undefined {
  const at = wanted === undefined ? -1 : names.findIndex((name) => plain(name) === plain(wanted))
  return at < 0 ? undefined : at
}

function plain(text: string | undefined): string {
  return (text ?? '').trim().toLowerCase()
}
