/**
 * Reads a prompt: messages through the model's template, text to tokens.
 */
import { InputError } from '../errors.ts'
import { knowsTools, renderChat, toolTags, type ThinkingTags } from '../llama/index.ts'
import type { ModelFacts, Vocabulary } from './forward-pass.ts'
import { ReasoningPhase } from './reasoning-phase.ts'
import type { BegunTurn, Prompt } from './types.ts'
import {
  beginningsOf,
  isChanged,
  maskMessages,
  meaningful,
  tokenizeMarked,
  type MaskedMessages,
} from './untrusted-text.ts'

/** What of a model a prompt depends on. */
export type PromptFacts = Pick<ModelFacts, 'vocab' | 'chatTemplate' | 'templateVariables' | 'thinkingTags'>

export interface ReadPrompt {
  /** The end of the prompt that belongs to the model's turn already, e.g. `<|assistant|><think>`. */
  readonly opening: string
  readonly promptTokens: Int32Array
}

/**
 * Prompts that were read last, by vocabulary: the samples of a question, and its runs under several policies, have the same; a server
 * looks at a prompt when it comes, and generates from it when it has waited.
 */
const lastPrompts = new WeakMap<object, KeptPrompts>()
/** Of all that are kept, with what they were made of; the last one is kept however long it is. */
const keptCharacters = 2 ** 23

interface KeptPrompts {
  readonly prompts: Map<string, ReadPrompt>
  characters: number
}

/**
 * A prompt, rendered and tokenised once however often it is asked for.
 * @throws InputError `invalid_request`, `chat_template`
 */
export function readPrompt(model: PromptFacts, prompt: Prompt): ReadPrompt {
  const kept = lastPrompts.get(model.vocab) ?? { prompts: new Map<string, ReadPrompt>(), characters: 0 }
  lastPrompts.set(model.vocab, kept)
  const { prompts } = kept
  const key = JSON.stringify([model.chatTemplate, model.templateVariables, model.thinkingTags, prompt])
  const known = prompts.get(key)
  const read = known ?? tokenized(model, prompt)
  if (!known) kept.characters += key.length
  prompts.delete(key)
  prompts.set(key, read)
  for (const oldest of prompts.keys()) {
    if (kept.characters <= keptCharacters || oldest === key) break
    prompts.delete(oldest)
    kept.characters -= oldest.length
  }
  return read
}

function tokenized(model: PromptFacts, prompt: Prompt): ReadPrompt {
  const { vocab } = model
  const { text, opening, marks } =
    'messages' in prompt && prompt.isUntrusted === true ? renderUntrusted(model, prompt) : renderPrompt(model, prompt)
  const promptTokens = marks
    ? tokenizeMarked(vocab, text, marks, { addBos: needsBos(vocab, text) })
    : tokenizePrompt(vocab, prompt, text)
  return { opening, promptTokens }
}

/** A template that leaves something out of a message, such as `/no_think`, could join what stands around it to a special token. */
function renderUntrusted(model: PromptFacts, prompt: Extract<Prompt, { messages: unknown }>): RenderedPrompt {
  const { vocab, thinkingTags } = model
  const tags = [thinkingTags.open, thinkingTags.close, ...toolTagsOf(model.chatTemplate)]
  const specials = meaningful([...vocab.specialTexts, ...tags])
  const beginnings = beginningsOf(specials)
  const render = ({ messages, marks }: MaskedMessages) => ({ ...renderPrompt(model, { ...prompt, messages }), marks })
  const masked = maskMessages(prompt, specials)
  const rendered = render(masked)
  if (!isChanged(rendered.text, masked.messages, beginnings)) return rendered
  return render(maskMessages(prompt, beginnings))
}

interface RenderedPrompt {
  readonly text: string
  readonly opening: string
  readonly marks?: MaskedMessages['marks']
}

/** Shows where the last message ends, to see what the template adds behind it: private-use characters. */
const marker = '\u{e000}\u{e001}\u{e000}'

/**
 * The prompt as text, and what of it may open the thinking. Tags that a user wrote are no thinking: of messages, only what the
 * template adds behind them counts. A prompt that is to be answered without thinking, by a template that has no switch for that, ends
 * in an empty thinking, if the model is known to think.
 */
export function renderPrompt(model: PromptFacts, prompt: Prompt): RenderedPrompt {
  if ('text' in prompt) return { text: prompt.text, opening: prompt.text }
  if ('tokens' in prompt) {
    const text = decode(model.vocab, prompt.tokens)
    return { text, opening: text }
  }
  if (prompt.messages.length === 0) throw new InputError('invalid_request', 'there are no messages')
  checkTools(model, prompt)
  if (model.chatTemplate === undefined) {
    return { text: prompt.messages.map((message) => message.content).join('\n\n'), opening: '' }
  }
  const { chatTemplate } = model
  const { enableThinking = true } = prompt
  const withThinking = (messages: typeof prompt.messages, thinks: boolean) =>
    renderChat(chatTemplate, messages, {
      bosToken: tokenText(model.vocab, model.vocab.bos),
      eosToken: tokenText(model.vocab, model.vocab.eos),
      enableThinking: thinks,
      tools: prompt.tools?.length === 0 ? undefined : prompt.tools,
      variables: { ...model.templateVariables, ...prompt.templateVariables },
    })
  const render = (messages: typeof prompt.messages) => withThinking(messages, enableThinking)
  const text = render(prompt.messages)
  const earlier = prompt.messages.slice(0, -1)
  const opening = prompt.messages
    .slice(-1)
    .map((last) => behindLast(text, last.content, (content) => render([...earlier, { ...last, content }])))
  const isSwitched = enableThinking || text !== withThinking(prompt.messages, true)
  const empty = isSwitched ? '' : emptyThinking(model.thinkingTags, opening.join(''))
  const rendered = { text: text + empty, opening: opening.join('') + empty }
  return prompt.begun ? withBegunTurn(rendered, prompt.begun, model.thinkingTags) : rendered
}

/**
 * Writes what is given of the model's turn behind what the template began it with.
 * @throws InputError `invalid_request` for a thinking in a turn that is to have none
 */
function withBegunTurn(
  { text, opening }: { readonly text: string; readonly opening: string },
  { thinking = '', answer = '' }: BegunTurn,
  tags: ThinkingTags,
): { text: string; opening: string } {
  const { phase } = new ReasoningPhase(tags, opening)
  if (thinking !== '' && phase === 'answer') {
    throw new InputError('invalid_request', 'a thinking is begun, but the prompt lets the model answer at once')
  }
  const opened = phase === 'thinking' ? '' : `${tags.open}${tags.between === '' ? '\n' : ''}`
  if (answer === '') return thinking === '' ? { text, opening } : { text: text + opened + thinking, opening: tags.open }
  const unthought = phase === 'thinking' || tags.answerOpens.length > 0 ? emptyThinking(tags, opening) : ''
  const before = thinking === '' ? unthought : opened + thinking + tags.closing
  // What it says from here on is answer, whatever stands in what was said.
  return { text: text + before + answer, opening: tags.empty }
}

/** @throws InputError `tools_not_supported` for what the template would leave out without a word */
function checkTools(
  { chatTemplate = '' }: PromptFacts,
  { messages, tools = [] }: Extract<Prompt, { messages: unknown }>,
): void {
  const hasTools =
    tools.length > 0 || messages.some(({ role, tool_calls: calls = [] }) => role === 'tool' || calls.length > 0)
  if (!hasTools || knowsTools(chatTemplate)) return
  throw new InputError(
    'tools_not_supported',
    "the model's chat template knows no tools. Another one can be given (`chatTemplate`)",
  )
}

/** Those that a template puts around calls and what they gave. */
function toolTagsOf(chatTemplate = ''): string[] {
  return Object.values(toolTags).filter((tag) => chatTemplate.includes(tag))
}

/** What ends a thinking that the prompt has opened, or opens and ends one; empty for a model that is not known to think. */
function emptyThinking(tags: ThinkingTags, opening: string): string {
  const { phase } = new ReasoningPhase(tags, opening)
  if (phase === 'answer') return ''
  if (phase === undefined) return tags.areAssumed ? '' : tags.empty
  return tags.closing.startsWith('\n') && !opening.endsWith('\n') ? `\n${tags.closing}` : tags.closing
}

/**
 * What a template adds behind the last message. A user can switch thinking off in it (`/no_think`), so the message stays; and it is not
 * looked for by its text, which may be short, and stand in what the template adds, or may have been changed.
 * @param render the conversation with another last message
 */
function behindLast(text: string, content: string, render: (content: string) => string): string {
  const behind = render(content + marker).split(marker)
  if (behind.join('') === text) return behind.at(-1) ?? ''
  // A template that strips messages shows the white space that the marker kept.
  const before = render(marker + content).split(marker)
  const rest = before.at(-1) ?? ''
  const stripped = content.trimEnd()
  if (before.join('') === text && rest.startsWith(stripped)) return rest.slice(stripped.length)
  return render(marker).split(marker).at(-1) ?? ''
}

function tokenizePrompt(vocab: Vocabulary, prompt: Prompt, text: string): Int32Array {
  if ('tokens' in prompt) {
    checkTokens(vocab, prompt.tokens)
    return Int32Array.from(prompt.tokens)
  }
  return vocab.tokenize(text, { addBos: needsBos(vocab, text) })
}

function needsBos(vocab: Vocabulary, text: string): boolean {
  const bos = tokenText(vocab, vocab.bos)
  return vocab.addsBos && !(bos !== '' && text.startsWith(bos))
}

/** @throws InputError `invalid_request` */
export function checkTokens(vocab: Vocabulary, tokens: readonly number[]): void {
  const wrong = tokens.find((token) => !vocab.isToken(token))
  if (wrong !== undefined)
    throw new InputError('invalid_request', `${wrong} is not a token of this model (0 to ${vocab.size - 1})`)
}

function tokenText(vocab: Vocabulary, token: number): string {
  return vocab.isToken(token) ? decode(vocab, [token]) : ''
}

function decode(vocab: Vocabulary, tokens: readonly number[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const text = tokens
    .filter((token) => vocab.isToken(token))
    .map((token) => decoder.decode(vocab.piece(token), { stream: true }))
  return text.join('') + decoder.decode()
}

/**
 * The text of each token; joined, the text of all. The bytes of a character that come in several tokens are with the last.
 * @throws InputError `invalid_request`
 */
export function textsOf(vocab: Vocabulary, tokens: readonly number[]): string[] {
  checkTokens(vocab, tokens)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const texts = tokens.map((token) => decoder.decode(vocab.piece(token), { stream: true }))
  const rest = decoder.decode()
  return rest === '' || texts.length === 0 ? texts : [...texts.slice(0, -1), (texts.at(-1) ?? '') + rest]
}
