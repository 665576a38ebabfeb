/**
 * Special tokens that a user or a tool spells in a message stay text: no message can end its turn, or speak as someone else. What spells one is
 * hidden from the template by a mark, and put back as ordinary tokens.
 */
import type { ChatMessage, ToolDefinition } from '../llama/index.ts'
import type { Vocabulary } from './forward-pass.ts'

/** Messages without what spells special tokens. */
export interface MaskedMessages {
  readonly messages: readonly ChatMessage[]
  /** Where a rendered text has what was hidden; undefined if nothing was. */
  readonly marks: { readonly pattern: RegExp; readonly hidden: readonly string[] } | undefined
}

/** The roles whose text comes from elsewhere. */
const untrusted: ReadonlySet<string> = new Set(['user', 'tool'])

/**
 * What can be spelled that means something: texts of special tokens, and tags. White space means nothing, though some vocabularies cut it
 * out as they do special tokens (Gemma's line breaks).
 */
export function meaningful(specials: readonly string[]): string[] {
  return specials.filter((special) => special.trim() !== '')
}

/** What a prompt's text is made of. */
interface MaskedPrompt {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly ToolDefinition[] | undefined
  readonly templateVariables?: object | undefined
}

/** @param specials what is hidden wherever it is spelled */
export function maskMessages(prompt: MaskedPrompt, specials: readonly string[]): MaskedMessages {
  const { messages } = prompt
  const texts = messages.filter(({ role }) => untrusted.has(role)).map(({ content }) => content)
  const spelled = specials.filter((special) => texts.some((text) => text.includes(special)))
  if (spelled.length === 0) return { messages, marks: undefined }
  // The longest first: one may begin another.
  const alternatives = spelled
    .sort((a, b) => b.length - a.length)
    .map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  const pattern = new RegExp(alternatives.join('|'), 'gu')
  const mark = unusedCharacter(prompt)
  const hidden: string[] = []
  const masked = messages.map((message) => {
    if (!untrusted.has(message.role)) return message
    const content = message.content.replace(pattern, (found) => `${mark}${hidden.push(found) - 1}${mark}`)
    return { ...message, content }
  })
  return { messages: masked, marks: { pattern: new RegExp(`${mark}(\\d+)${mark}`, 'gu'), hidden } }
}

/** The characters with which they begin: where these are hidden, nothing that a template leaves out of a message joins the rest to one. */
export function beginningsOf(specials: readonly string[]): string[] {
  return [...new Set(specials.map((special) => Array.from(special)[0] ?? ''))]
}

/**
 * Whether a message that could spell the beginning of a special token is shown otherwise than it is, but for white space around it.
 * @param beginnings see `beginningsOf`
 */
export function isChanged(text: string, messages: readonly ChatMessage[], beginnings: readonly string[]): boolean {
  let at = 0
  for (const { role, content } of messages) {
    if (!untrusted.has(role) || !beginnings.some((beginning) => content.includes(beginning))) continue
    const shown = [content, content.trim()].find((one) => text.includes(one, at))
    if (shown === undefined) return true
    at = text.indexOf(shown, at) + shown.length
  }
  return false
}

/** Tokens of a rendered text; what was hidden as the model would read it in the middle of a text. */
export function tokenizeMarked(
  vocab: Vocabulary,
  text: string,
  { pattern, hidden }: NonNullable<MaskedMessages['marks']>,
  { addBos }: { readonly addBos: boolean },
): Int32Array {
  const tokens: number[] = []
  let at = 0
  const take = (part: string) => {
    if (part !== '') tokens.push(...(at === 0 ? vocab.tokenize(part, { addBos }) : vocab.tokenizeContinuation(part)))
  }
  for (const found of text.matchAll(pattern)) {
    take(text.slice(at, found.index))
    tokens.push(...asText(vocab, hidden[Number(found[1])] ?? ''))
    at = found.index + found[0].length
  }
  take(text.slice(at))
  return Int32Array.from(tokens)
}

/** Some special tokens are recognised whatever is asked for: in two halves they are not. */
function asText(vocab: Vocabulary, text: string): readonly number[] {
  const tokens = vocab.tokenizeContinuation(text, { special: false })
  if (tokens.length > 1 || text.length < 2) return [...tokens]
  const [first = '', ...rest] = Array.from(text)
  return [first, rest.join('')].flatMap((half) => [...vocab.tokenizeContinuation(half, { special: false })])
}

const privateUse = 0xf0000
function unusedCharacter(prompt: MaskedPrompt): string {
  const all = JSON.stringify(prompt)
  for (let code = privateUse; ; code++) {
    const character = String.fromCodePoint(code)
    if (!all.includes(character)) return character
  }
}
