/**
 * The text of a question in a record: its field, and what other fields hold of it (a story, a passage, an instruction).
 */
import {
  chosenField,
  isEmpty,
  messagesOf,
  named,
  plainName,
  refusal,
  type Field,
  type Fields,
} from './question-fields.ts'

const questionNames = [
  ...['question', 'problem', 'prompt', 'query', 'input', 'inputs'],
  ...['questiontext', 'questionstem', 'stem', 'question.stem', 'question.text', 'question.question'],
  ...['instruction', 'messages', 'conversations', 'conversation'],
]
/** What stands before a question and belongs to it, in the order in which it is shown. */
const contextNames = [
  ...['instruction', 'body', 'passage', 'article', 'context', 'background', 'paragraph', 'story', 'premise'],
  ...['tabletitle', 'table'],
]
/** What stands behind it. */
const inputNames = ['input']
const imageName = /^(?:decoded|question)?(?:image|picture|img)s?\d*$/

/**
 * @param chosen the field that the user names; it is then the whole text
 * @throws InputError `invalid_questions` for a row without a question, or with a part of it that is no text
 */
export function questionText(fields: Fields, chosen: string | undefined): string {
  if (chosen !== undefined) {
    const text = textOf(fields, chosenField(fields, chosen, 'question'))
    if (text === undefined) throw refusal(fields, 'question', `"${chosen}" holds no text`)
    return text
  }
  const candidates = named(fields, questionNames).filter(({ value }) => !isEmpty(value))
  const question = candidates.find((field) => textOf(fields, field) !== undefined)
  if (!question) throw refusal(fields, 'question', `looked for ${questionNames.slice(0, 6).join(', ')} and the like`)
  const image = fields.all.find(({ plain, value }) => imageName.test(plain) && !isEmpty(value))
  if (image) throw refusal(fields, 'question', `to "${question.name}" belongs the image in "${image.name}"`)
  const text = textOf(fields, question) ?? ''
  return [...partsOf(fields, contextNames, question, text), text, ...partsOf(fields, inputNames, question, text)].join(
    '\n',
  )
}

/** The texts of fields that the question itself does not hold already. */
function partsOf(fields: Fields, names: readonly string[], question: Field, text: string): string[] {
  const parts = named(fields, names).filter(({ name, value }) => name !== question.name && !isEmpty(value))
  return parts.flatMap((part) => {
    const own = textOf(fields, part)
    if (own === undefined)
      throw refusal(fields, 'question', `to "${question.name}" belongs "${part.name}", which is no text`)
    return plainName(text).includes(plainName(own)) || plainName(own).includes(plainName(text)) ? [] : [own.trim()]
  })
}

/** Undefined: it is no text. Of a conversation, what precedes the answer. */
function textOf(fields: Fields, { name, value }: Field): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join('\n')
  const messages = messagesOf(value)
  if (!messages) return undefined
  const users = messages.filter(({ role }) => role === 'user').length
  if (users !== 1) throw refusal(fields, 'question', `"${name}" is a conversation with ${users} questions`)
  const asked = messages.filter(({ role }) => role === 'user' || role === 'system')
  return asked.map(({ content }) => content).join('\n\n')
}
