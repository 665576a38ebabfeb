/**
 * The choices of a question in a record, in the layouts of public data sets: a list, a list of `{ label, text }`, a list of
 * labels beside one of texts, an object by letters, one text, or a field for each.
 */
import { isObject } from '../../is-object.ts'
import { choiceLetters } from './choice-text.ts'
import { isEmpty, named, refusal, type Field, type Fields } from './question-fields.ts'

export interface Choices {
  readonly texts: readonly string[]
  /** What the file calls each, by which its answer may name them; undefined: they have no names but their places. */
  readonly labels: readonly string[] | undefined
  /** Whether the names of their fields count from 1, which an answer need not do. */
  readonly countsFromOne?: boolean
  /** Where the file has a field for the right one, and others for the wrong ones: it comes first here. */
  readonly rightComesFirst?: boolean
}

const listNames = [
  ...['choices', 'options', 'answerchoices', 'answeroptions', 'multiplechoicetargets', 'candidates', 'endings'],
  ...['question.choices', 'question.options'],
]
/** A field for each choice, by letter or number. */
const families = [
  /^()([a-j])$/,
  /^(option|choice|answer|opt|op|ending|candidate)([a-j])$/,
  /^(option|choice|sol|opt|ending|candidate)(\d)$/,
]
const wrongName = /^(?:incorrect|wrong|false)(?:answer|choice|option)s?\d*$|^distractors?\d*$/
const textKeys = ['text', 'content', 'value', 'option', 'choice', 'answer']
const labelKeys = ['label', 'key', 'letter', 'id']

/**
 * Undefined: the question has none.
 * @param answerField that the user chose: a field of the right choice is then not looked for
 * @throws InputError `invalid_questions` for choices that cannot be read
 */
export function choicesOf(fields: Fields, answerField: string | undefined): Choices | undefined {
  const list = named(fields, listNames).find(({ value }) => !isEmpty(value))
  const found = list
    ? fromList(fields, list)
    : (fromFamily(fields) ?? (answerField === undefined ? fromRightAndWrong(fields) : undefined))
  if (!found) return undefined
  const { length } = found.texts
  if (length >= 2 && length <= choiceLetters.length) return found
  throw refusal(fields, 'question', `its ${length} choices cannot be shown`)
}

function fromList(fields: Fields, field: Field): Listed {
  const found = readList(field.value)
  if (found) return found
  throw refusal(fields, 'question', `the choices in "${field.name}" cannot be read`)
}

type Listed = Pick<Choices, 'texts' | 'labels'>

function readList(value: unknown): Listed | undefined {
  if (typeof value === 'string') return readText(value)
  if (Array.isArray(value)) {
    if (value.every(isPlain)) return withoutLabels(value.map(String))
    const items = value.map((item: unknown) => (isObject(item) ? item : {}))
    const texts = items.map((item) => ofKeys(item, textKeys))
    const labels = items.map((item) => ofKeys(item, labelKeys))
    return allThere(texts) ? { texts, labels: allThere(labels) ? labels : undefined } : undefined
  }
  if (!isObject(value)) return undefined
  const texts = value['text'] ?? value['texts']
  if (Array.isArray(texts) && texts.every(isPlain)) {
    const labels = value['label'] ?? value['labels']
    const areLabels = Array.isArray(labels) && labels.length === texts.length && labels.every(isPlain)
    return { texts: texts.map(String), labels: areLabels ? labels.map(String) : undefined }
  }
  const entries = Object.entries(value).filter(([, text]) => !isEmpty(text))
  if (!entries.every(([, text]) => isPlain(text))) return undefined
  return { texts: entries.map(([, text]) => String(text)), labels: entries.map(([label]) => label) }
}

/** `a ) 38 , b ) 27.675 , c ) 30`, or a line for each. */
function readText(text: string): Listed | undefined {
  if (/^\s*[[{]/.test(text)) {
    try {
      return readList(JSON.parse(text))
    } catch {
      return undefined
    }
  }
  const marks = [...text.matchAll(/(?:^|[\s,;])\(?([a-j])\s*[).:]\s*/gi)]
  const inOrder = marks.filter(({ 1: letter = '' }, i) => letter.toUpperCase() === choiceLetters[i])
  if (marks.length < 2 || inOrder.length < marks.length) return undefined
  const texts = marks.map(({ index, 0: mark }, i) =>
    text
      .slice(index + mark.length, marks[i + 1]?.index)
      .trim()
      .replace(/\s*[,;]$/, ''),
  )
  return { texts, labels: letters(texts.length) }
}

/** `["A)21", "B)21.5"]`: the letters are labels. */
function withoutLabels(texts: string[]): Listed {
  const marks = texts.map((text) => /^\s*\(?([a-z])\s*[).:]\s*(.*)$/is.exec(text))
  const labelled = marks.every((mark, i) => mark?.[1]?.toUpperCase() === choiceLetters[i])
  if (!labelled) return { texts, labels: undefined }
  return { texts: marks.map((mark) => mark?.[2] ?? ''), labels: letters(texts.length) }
}

function fromFamily(fields: Fields): Choices | undefined {
  for (const family of families) {
    const members = fields.all.flatMap(({ name, plain, value }) => {
      const [, , label] = (name.includes('.') ? undefined : family.exec(plain)) ?? []
      // Numbers called a, b and c are no choices.
      const isChoice = family === families[0] ? typeof value === 'string' : isPlain(value)
      return label !== undefined && isChoice && !isEmpty(value) ? [{ label, text: String(value) }] : []
    })
    members.sort((a, b) => (a.label < b.label ? -1 : 1))
    const first = members[0]?.label ?? ''
    const from = first.charCodeAt(0)
    const isWhole = /^[a01]$/.test(first) && members.every(({ label }, i) => label.charCodeAt(0) === from + i)
    if (members.length < 2 || !isWhole) continue
    // A number in the answer may count from 0 all the same (PIQA): the file as a whole tells.
    const labels = first === 'a' ? letters(members.length) : undefined
    return { texts: members.map(({ text }) => text), labels, countsFromOne: first === '1' }
  }
  return undefined
}

function fromRightAndWrong(fields: Fields): Choices | undefined {
  const right = named(fields, ['correctanswer', 'rightanswer', 'bestanswer']).find(({ value }) => isPlain(value))
  const wrong = fields.all
    .filter(({ plain, value }) => wrongName.test(plain) && !isEmpty(value))
    .flatMap(({ value }) => (Array.isArray(value) ? (value as unknown[]) : [value]))
  if (!right || isEmpty(right.value) || wrong.length === 0 || !wrong.every(isPlain)) return undefined
  return { texts: [right.value, ...wrong].map(String), labels: undefined, rightComesFirst: true }
}

function isPlain(value: unknown): value is string | number | bigint {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
}

function ofKeys(item: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  const value = keys.map((key) => item[key]).find(isPlain)
  return value === undefined ? undefined : String(value)
}

function allThere(values: readonly (string | undefined)[]): values is readonly string[] {
  return values.every((value) => value !== undefined)
}

function letters(count: number): string[] {
  return choiceLetters.slice(0, count)
}
