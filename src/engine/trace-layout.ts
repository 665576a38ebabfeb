/**
 * Where the parts of a trace lie: question, thinking and answer, as positions of tokens. Says what is there, and not whether
 * the trace is good.
 */
import type { ThinkingTags } from '../llama/index.ts'
import type { ModelFacts, Vocabulary } from './forward-pass.ts'
import { checkTokens, readPrompt } from './prompt.ts'
import { ReasoningPhase } from './reasoning-phase.ts'
import { checkCompletion, checkPrompt } from './request-schema.ts'
import type { Prompt } from './types.ts'

/** What was generated. A text is tokenised with special tokens recognised. */
export type Completion = string | readonly number[] | CompletionParts

/** Thinking and answer without their tags, as another server or a file gives them. */
export interface CompletionParts {
  readonly thinking: string
  readonly answer: string
  /** Whether the model ended its turn by itself: its end token is added. */
  readonly ended: boolean
  /**
   * Of parts that were cut out of a text with this model's tags: whether the opening tag stood in it, or the text began behind it. Their
   * white space is then the model's own. Undefined: it may have been cut off.
   */
  readonly cutFrom?: 'tag' | 'thinking' | undefined
}

/** Positions count from 0, the prompt's first token. */
export interface TraceLayout {
  /** The prompt's and the completion's. */
  readonly tokens: Int32Array
  /** M; a `<think>` that the template opens belongs to the prompt. */
  readonly promptTokens: number
  /** The thinking tokens are thinkStart .. thinkEnd - 1: strictly between the tags. */
  readonly thinkStart: number
  /** The first token of `</think>`; where thinking was never closed, the end token, or the number of tokens. */
  readonly thinkEnd: number
  /** The first position after `</think>`. Without a thinking part all three are the first generated position. */
  readonly answerStart: number
  /** How many times the model thought: 0 without a thinking part, above 1 if tags follow behind the first `</think>`. */
  readonly thinkingParts: number
  /** The text between the tags. */
  readonly thinking: string
  /** The text behind `</think>`, without the end token; all of it where there is no thinking part. */
  readonly answer: string
}

/**
 * Renders the prompt with the model's template, tokenises both, and finds the parts.
 * @throws InputError `chat_template`, `invalid_request` for a token that the model does not have
 */
export function layOutTrace(
  model: Pick<ModelFacts, 'vocab' | 'chatTemplate' | 'templateVariables' | 'thinkingTags'>,
  prompt: Prompt,
  completion: Completion,
): TraceLayout {
  const { vocab, thinkingTags: tags } = model
  checkCompletion(completion)
  const { opening, promptTokens } = readPrompt(model, checkPrompt(prompt))
  const generated = tokenizeCompletion(vocab, tags, opening, completion)
  const parts = findParts(vocab, tags, opening, generated, promptTokens.length)
  return { tokens: Int32Array.from([...promptTokens, ...generated]), promptTokens: promptTokens.length, ...parts }
}

function tokenizeCompletion(
  vocab: Vocabulary,
  tags: ThinkingTags,
  opening: string,
  completion: Completion,
): readonly number[] {
  if (typeof completion === 'string') return [...vocab.tokenizeContinuation(completion)]
  if (!('thinking' in completion)) {
    checkTokens(vocab, completion)
    return completion
  }
  const tokens = [...vocab.tokenizeContinuation(joinParts(completion, tags, opening))]
  const last = tokens.at(-1)
  const hasEnd = last !== undefined && vocab.endsGeneration(last)
  if (completion.ended && !hasEnd && vocab.isToken(vocab.eos)) tokens.push(vocab.eos)
  return tokens
}

/**
 * The text of a turn as the model wrote it behind the opening. Some servers cut the white space around the parts off: models
 * put a line break before `</think>` and an empty line behind it.
 */
function joinParts(parts: CompletionParts, tags: ThinkingTags, opening: string): string {
  const { thinking, answer, ended, cutFrom } = parts
  const isOpen = new ReasoningPhase(tags, opening).phase === 'thinking'
  if (thinking === '') return isOpen ? `${tags.close}${answer}` : answer
  if (cutFrom !== undefined) {
    const closed = answer === '' && !ended ? thinking : `${thinking}${tags.close}${answer}`
    if (!isOpen) return cutFrom === 'tag' ? `${tags.open}${closed}` : `${tags.open}\n${closed.replace(/^\n/, '')}`
    return cutFrom === 'tag' && opening.endsWith('\n') ? closed.replace(/^\n/, '') : closed
  }
  // Text that came with its own opening tag repeats the line break that the template has written.
  const begun = !isOpen || opening.endsWith('\n') ? thinking.replace(/^\n/, '') : thinking
  const opened = isOpen ? begun : `${tags.open}\n${begun}`
  if (answer === '' && !ended) return opened
  const isTrimmed = !/\s$/.test(thinking) && !/^\s/.test(answer)
  return isTrimmed ? `${opened}\n${tags.close}\n\n${answer}` : `${opened}${tags.close}${answer}`
}

type Parts = Omit<TraceLayout, 'tokens' | 'promptTokens'>

function findParts(
  vocab: Vocabulary,
  tags: ThinkingTags,
  opening: string,
  generated: readonly number[],
  first: number,
): Parts {
  const phase = new ReasoningPhase(tags, opening)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const texts = { thinking: '', answer: '' }
  let thinkStart = phase.phase === 'thinking' ? first : undefined
  let closed: { thinkEnd: number; answerStart: number } | undefined
  for (const [i, token] of generated.entries()) {
    const position = first + i
    const piece = vocab.endsGeneration(token) ? new Uint8Array() : vocab.piece(token)
    const step = phase.push(decoder.decode(piece, { stream: true }), position)
    const { isTag, tagPositions, segments, thinkingBefore } = step
    for (const segment of segments.slice(0, thinkingBefore ?? 0)) texts[segment.phase] += segment.text
    if (thinkingBefore !== undefined) {
      thinkStart = first
      texts.thinking += texts.answer
      texts.answer = ''
    }
    for (const segment of segments.slice(thinkingBefore ?? 0)) texts[segment.phase] += segment.text
    // Also behind a tag that repeats the prompt's.
    if (isTag && !closed && phase.phase === 'thinking') thinkStart = position + 1
    if (thinkStart !== undefined && closed === undefined && phase.phase === 'answer') {
      closed = { thinkEnd: Math.min(position, ...tagPositions), answerStart: position + 1 }
    } else if (closed && isTag && texts.answer.trim() === '') {
      closed.answerStart = position + 1
    }
  }
  const last = generated.at(-1)
  const hasEnded = last !== undefined && vocab.endsGeneration(last)
  const held = phase.finish(!hasEnded)
  for (const segment of held.segments) texts[segment.phase] += segment.text
  if (thinkStart === undefined) {
    return { thinkStart: first, thinkEnd: first, answerStart: first, thinkingParts: 0, ...texts }
  }
  const end = first + generated.length - (hasEnded ? 1 : 0)
  const { thinkEnd, answerStart } = closed ?? { thinkEnd: end, answerStart: end }
  const thinkingParts = countThinkingParts(tags, texts)
  return { thinkStart: Math.min(thinkStart, thinkEnd), thinkEnd, answerStart, thinkingParts, ...texts }
}

/** Tags inside the thinking part or behind it mean that the model began to think again. */
function countThinkingParts(tags: ThinkingTags, { thinking, answer }: Pick<Parts, 'thinking' | 'answer'>): number {
  const count = (text: string, tag: string) => text.split(tag).length - 1
  return 1 + count(thinking, tags.open) + Math.max(count(answer, tags.open), count(answer, tags.close))
}
