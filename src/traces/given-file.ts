/**
 * Reads traces that exist already from a file: the question, what a model thought and replied, and the right answer if the file has it.
 */
import type { CompletionParts } from '../engine/trace-layout.ts'
import { InputError } from '../errors.ts'
import type { ThinkingTags } from '../llama/index.ts'
import { choiceLetters, choiceText } from '../evaluation/questions/choice-text.ts'
import { readAnswerIfTold } from '../evaluation/questions/question-answer.ts'
import { choicesOf, type Choices } from '../evaluation/questions/question-choices.ts'
import { fieldsOf, type Fields } from '../evaluation/questions/question-fields.ts'
import {
  freeName,
  hashOf,
  idOf,
  type Question,
  type QuestionFileOptions,
} from '../evaluation/questions/question-file.ts'
import { readRows, type QuestionRow } from '../evaluation/questions/question-rows.ts'
import { questionText } from '../evaluation/questions/question-text.ts'
import { rightChoices } from '../evaluation/questions/right-choice.ts'
import { jsonDigest } from '../json-digest.ts'
import type { ChatMessage } from '../llama/index.ts'
import { readGivenRow, type GivenFields } from './given-row.ts'
import { traceId } from './trace-job.ts'

/** A question that traces of the file answer; of a conversation, all that was said before the reply. */
export interface GivenQuestion extends Pick<Question, 'id' | 'question' | 'choices'> {
  /** Null: no row of it has one. Of a question with choices the letter. */
  readonly answer: string | null
}

export interface GivenFileTrace {
  /** `QUESTION#SAMPLE`, as of a sampled trace. */
  readonly id: string
  readonly question: GivenQuestion
  /** From 0, in the order of the file. */
  readonly sample: number
  /** Of a conversation; undefined: the question is asked as `dynts trace` asks it. */
  readonly messages: readonly ChatMessage[] | undefined
  readonly parts: CompletionParts
  /** `line 3`, for messages. */
  readonly place: string
  /** The first 16 hexadecimal digits of the SHA-256 of all that it is made of. */
  readonly hash: string
}

/** A row need not have an answer. */
export interface GivenFileOptions extends Pick<QuestionFileOptions, 'questionField' | 'answerField' | 'idField'> {
  /** The model's tags: a text is cut at them first. */
  readonly tags: Pick<ThinkingTags, 'open' | 'close'>
  /** Where thinking and reply stand; by default the usual names are looked for. */
  readonly fields?: GivenFields | undefined
  /** Only so many rows, from the start. */
  readonly limit?: number | undefined
}

/**
 * The traces of a file, in its order. Rows with the same question are traces of one question, which is called by the first row's id, or
 * by a hash of its text.
 * @throws InputError `questions_not_found`, `invalid_questions`, `invalid_traces`, `repeated_question_id`, saying which line or row
 */
export async function readGivenFile(path: string, options: GivenFileOptions): Promise<GivenFileTrace[]> {
  const rows = (await readRows(path, options.limit ?? Infinity)).map((row) => readRow(row, path, options))
  if (rows.length === 0) throw new InputError('invalid_traces', `${path} holds no traces.`)
  const questions = questionsOf(path, rows)
  const counts = new Map<string, number>()
  return rows.flatMap(({ place, text, messages, parts }) => {
    const question = questions.get(text)
    if (!question) return []
    return parts.map((each) => {
      const sample = counts.get(question.id) ?? 0
      counts.set(question.id, sample + 1)
      const hash = jsonDigest([text, messages ?? null, each.thinking, each.answer])
        .toString('hex')
        .slice(0, 16)
      return { id: traceId(question.id, sample), question, sample, messages, parts: each, place, hash }
    })
  })
}

interface ReadRow {
  readonly place: string
  readonly id: string | undefined
  readonly text: string
  readonly messages: readonly ChatMessage[] | undefined
  readonly parts: readonly CompletionParts[]
  readonly choices: Choices | undefined
  /** Of choices as the file has it. */
  readonly answer: string | number | undefined
}

function readRow(row: QuestionRow, path: string, options: GivenFileOptions): ReadRow {
  const { tags, fields: chosen = {}, questionField, answerField, idField } = options
  const fields = fieldsOf(row, path)
  const { parts, used, messages: said } = readGivenRow(fields, chosen, tags)
  const others = without(fields, used)
  const messages = questionField === undefined ? said : undefined
  const found = choicesOf(others, answerField)
  // Only whoever asked knows in which order they were shown.
  const choices = found?.rightComesFirst === true ? undefined : found
  const question = messages
    ? messages.map(({ content }) => content.trim()).join('\n\n')
    : questionText(said ? fields : others, questionField)
  return {
    place: row.place,
    id: idOf(fields, idField),
    text: choices && !messages ? choiceText(question, choices.texts) : question,
    messages,
    parts,
    choices,
    answer:
      found === choices
        ? readAnswerIfTold(answerField === undefined ? others : fields, answerField, choices !== undefined)
        : undefined,
  }
}

function without(fields: Fields, used: readonly string[]): Fields {
  const isUsed = (name: string) => used.some((each) => name === each || name.startsWith(`${each}.`))
  return { ...fields, all: fields.all.filter(({ name }) => !isUsed(name)) }
}

/** By their text. */
function questionsOf(path: string, rows: readonly ReadRow[]): ReadonlyMap<string, GivenQuestion> {
  const answers = answersOf(path, rows)
  const places = new Map<string, string>()
  const questions = new Map<string, GivenQuestion>()
  for (const { place, id: given, text, choices } of rows) {
    if (questions.has(text)) continue
    const earlier = given === undefined ? undefined : places.get(given)
    if (earlier !== undefined) {
      throw new InputError(
        'repeated_question_id',
        `${path}: the id "${given ?? ''}" is of one question in ${earlier} and of another in ${place}. Give each question its own id, or name another field with \`idField\`.`,
      )
    }
    const id = given ?? freeName(hashOf(text), places)
    places.set(id, place)
    questions.set(text, {
      id,
      question: text,
      answer: answers.get(text) ?? null,
      ...(choices ? { choices: choices.texts } : {}),
    })
  }
  return questions
}

/** Of each question that has one: that of its first row that tells it. */
function answersOf(path: string, rows: readonly ReadRow[]): ReadonlyMap<string, string> {
  const told = rows.flatMap(({ place, text, choices, answer }) =>
    answer === undefined ? [] : [{ place, text, choices, answer }],
  )
  const right = rightChoices(path, told)
  const answers = new Map<string, string>()
  for (const [i, { text, choices, answer }] of told.entries()) {
    const known = choices ? (choiceLetters[right[i] ?? 0] ?? '') : String(answer)
    if (!answers.has(text)) answers.set(text, known)
  }
  return answers
}
