/**
 * Finds in a record of a data set what a model thought and replied, in the layouts of public sets: two fields, one text with tags, a
 * list of such texts, or a conversation.
 */
import type { CompletionParts } from '../engine/trace-layout.ts'
import { InputError } from '../errors.ts'
import {
  isEmpty,
  isMissing,
  named,
  plainRole,
  type Field,
  type Fields,
} from '../evaluation/questions/question-fields.ts'
import { isObject } from '../is-object.ts'
import type { ChatMessage } from '../llama/index.ts'
import { partsOfFields, partsOfText, type TagPair } from './given-text.ts'

/** Fields that the user names: `thinking` and `reply`, or `text` for a text, a list of texts or a conversation that has both. */
export interface GivenFields {
  readonly thinking?: string | undefined
  readonly reply?: string | undefined
  readonly text?: string | undefined
}

/** What a record has. */
export interface GivenRow {
  /** One for each trace; not all need be complete. */
  readonly parts: readonly CompletionParts[]
  /** What was said before the last reply of a conversation; undefined: the question is in fields of its own. */
  readonly messages: readonly ChatMessage[] | undefined
  /** Names of the fields that hold them: nothing else is told by these. */
  readonly used: readonly string[]
}

/** A field of the thinking is paired with the first of the replies that is there; `answer` only if there is no other. */
const pairs: readonly { readonly thinking: readonly string[]; readonly reply: readonly string[] }[] = [
  {
    thinking: [
      ...['thinking', 'thinkingcontent', 'reasoning', 'reasoningcontent', 'reasoningtrace', 'cot', 'chainofthought'],
      ...['thought', 'thoughts', 'thinkingtrajectory'],
    ],
    reply: [
      ...['reply', 'response', 'finalresponse', 'output', 'completion', 'generation', 'content', 'modelresponse'],
      ...['attempt', 'answer'],
    ],
  },
  { thinking: ['deepseekthinkingtrajectory'], reply: ['deepseekattempt'] },
  { thinking: ['thinkingtrajectories'], reply: ['attempt'] },
  { thinking: ['deepseekreasoning'], reply: ['deepseeksolution'] },
]
/** Of a text that has both. */
const textNames = [
  ...['generations', 'generation', 'r1generation', 'r1generations', 'messages', 'conversations', 'conversation'],
  ...['responses', 'response', 'completions', 'completion', 'outputs', 'output', 'reply', 'text'],
]

/**
 * @param own the model's tags
 * @throws InputError `invalid_traces`, naming the place and what was looked for
 */
export function readGivenRow(fields: Fields, chosen: GivenFields, own: TagPair): GivenRow {
  const { thinking, reply, text } = chosen
  if (text !== undefined) return ofText(fields, chosenField(fields, 'text', text), own)
  if (thinking !== undefined && reply !== undefined) {
    return ofPair(fields, chosenField(fields, 'thinking', thinking), chosenField(fields, 'reply', reply), own)
  }
  const pair = findPair(fields)
  if (pair) return ofPair(fields, pair.thinking, pair.reply, own)
  const texts = named(fields, textNames).filter(({ name, value }) => !name.includes('.') && !isEmpty(value))
  const best = texts.find(({ value }) => hasThinking(value, own)) ?? texts[0]
  if (best) return ofText(fields, best, own)
  throw refusal(fields, 'looked for thinking and reply, generation, generations, messages and the like')
}

function findPair(fields: Fields): { readonly thinking: Field; readonly reply: Field } | undefined {
  for (const names of pairs) {
    const [thinking] = named(fields, names.thinking).filter(isOuter)
    const replies = named(fields, names.reply).filter((field) => isOuter(field) && field !== thinking)
    const reply = replies.find(({ value }) => !isEmpty(value)) ?? replies[0]
    if (thinking && reply) return { thinking, reply }
  }
  return undefined
}

/** What lies inside another field is that field's. */
function isOuter({ name }: Field): boolean {
  return !name.includes('.')
}

function ofPair(fields: Fields, thinking: Field, reply: Field, own: TagPair): GivenRow {
  const [thoughts, replies] = [textsOf(fields, thinking), textsOf(fields, reply)]
  if (thoughts.length !== replies.length) {
    const counts = `"${thinking.name}" holds ${thoughts.length} texts and "${reply.name}" ${replies.length}`
    throw refusal(fields, counts)
  }
  return {
    parts: thoughts.map((thought, i) => ofTexts(thought, replies[i] ?? '', own)),
    messages: undefined,
    used: [thinking.name, reply.name],
  }
}

/** A reply with the thinking in it says more than the two apart; tags around the thinking are no part of it. */
function ofTexts(thinking: string, reply: string, own: TagPair): CompletionParts {
  const whole = partsOfText(reply, own)
  if (whole.thinking.trim() !== '') return whole
  const answer = whole.cutFrom === undefined ? reply : whole.answer
  return partsOfFields(partsOfText(thinking, own).thinking || thinking, answer)
}

function ofText(fields: Fields, field: Field, own: TagPair): GivenRow {
  const used = [field.name]
  const conversation = isConversation(field.value) ? ofConversation(fields, field, field.value, own) : undefined
  if (conversation) return { ...conversation, used }
  return { parts: textsOf(fields, field).map((text) => partsOfText(text, own)), messages: undefined, used }
}

function hasThinking(value: unknown, own: TagPair): boolean {
  if (typeof value === 'string') return partsOfText(value, own).thinking.trim() !== ''
  if (!Array.isArray(value)) return false
  return value.some((item: unknown) =>
    isObject(item)
      ? Object.values(item).some((text) => hasThinking(text, own)) || thoughtOf(item) !== ''
      : hasThinking(item, own),
  )
}

type Item = Readonly<Record<string, unknown>>

function isConversation(value: unknown): value is readonly Item[] {
  return Array.isArray(value) && value.length > 0 && value.every(isObject)
}

const roles = ['system', 'user', 'assistant'] as const

function ofConversation(fields: Fields, { name }: Field, items: readonly Item[], own: TagPair): Omit<GivenRow, 'used'> {
  const messages = items.map((item, i) => {
    const given = item['role'] ?? item['from']
    const role = roles.find((known) => typeof given === 'string' && known === plainRole(given))
    const content = item['content'] ?? item['value'] ?? ''
    if (role && typeof content === 'string') return { role, content, thought: thoughtOf(item) }
    throw refusal(fields, `message ${i + 1} of "${name}" has no role system, user or assistant, or no text`)
  })
  const last = messages.at(-1)
  const before = messages.slice(0, -1)
  if (last?.role !== 'assistant') throw refusal(fields, `"${name}" does not end with an assistant's message`)
  if (before.at(-1)?.role !== 'user') throw refusal(fields, `in "${name}" no user's message precedes the last reply`)
  const parts = last.thought === '' ? partsOfText(last.content, own) : ofTexts(last.thought, last.content, own)
  return {
    parts: [parts],
    messages: before.map(({ role, content, thought }) =>
      role === 'assistant' && thought !== '' ? { role, content, reasoning_content: thought } : { role, content },
    ),
  }
}

/** Of a message whose thinking is apart. */
function thoughtOf(item: Item): string {
  const thought = item['reasoning_content'] ?? item['reasoning'] ?? item['thinking']
  return typeof thought === 'string' ? thought : ''
}

function textsOf(fields: Fields, { name, value }: Field): readonly string[] {
  if (value === null || value === undefined) return ['']
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw refusal(fields, `"${name}" is neither a text nor a list of texts`)
}

function chosenField(fields: Fields, part: string, name: string): Field {
  const found = fields.all.find((field) => field.name === name)
  if (found) return found
  throw refusal(fields, `looked for "${name}" as ${part}`)
}

function refusal(fields: Fields, why: string): InputError {
  return new InputError(
    'invalid_traces',
    `${isMissing(fields, 'trace', why)} Name the right ones with \`givenFields\` thinking=NAME,reply=NAME, or text=NAME.`,
  )
}
