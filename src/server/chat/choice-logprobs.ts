/**
 * Log-probabilities of one choice, as they come: of the thinking and of the answer, without tags and end tokens, or of all its tokens. A token
 * without text may turn out to be part of a tag: it waits for the next one's text.
 */
import type { GenerateEvent, TokenOddsReport } from '../../engine/types.ts'
import { wellFormed } from '../well-formed.ts'

interface Alternative {
  readonly id: number
  readonly token: string
  readonly bytes: readonly number[]
  readonly logprob: number
}

export interface LogprobEntry extends Alternative {
  readonly top_logprobs: readonly Alternative[]
}

/** What came to be known with an event. */
export interface LogprobDelta {
  readonly content: readonly LogprobEntry[]
  readonly reasoning: readonly LogprobEntry[]
}

export class ChoiceLogprobs {
  readonly content: LogprobEntry[] = []
  readonly reasoning: LogprobEntry[] = []
  #waiting: LogprobEntry[] = []
  readonly #everyToken: boolean

  /** @param everyToken tags and end tokens too, and nothing is told apart as thinking */
  constructor(everyToken = false) {
    this.#everyToken = everyToken
  }

  /** Undefined: nothing new. */
  push(event: GenerateEvent): LogprobDelta | undefined {
    // What had no text by now was a tag.
    if (event.type === 'phase' && !this.#everyToken) this.#waiting = []
    // What is cut off with a stop text is not told.
    if (event.type === 'finish' && this.#everyToken && event.result.stopText === null) return this.#told('answer')
    if (event.type !== 'token') return undefined
    const { token, odds, text, phase, isTag } = event
    // A line break around a tag that was written in the model's stead belongs to the tag.
    const isTold = this.#everyToken || isTag !== true || text.trim() !== ''
    if (token !== null && odds && isTold) this.#waiting.push(entryOf(token, odds))
    return text === '' ? undefined : this.#told(this.#everyToken ? 'answer' : phase)
  }

  #told(phase: 'thinking' | 'answer'): LogprobDelta | undefined {
    const known = this.#waiting.splice(0)
    if (known.length === 0) return undefined
    const list = phase === 'thinking' ? this.reasoning : this.content
    list.push(...known)
    return phase === 'thinking' ? { content: [], reasoning: known } : { content: known, reasoning: [] }
  }
}

/** Of a chat. */
export function chatLogprobs({ content, reasoning }: LogprobDelta) {
  return { content, refusal: null, reasoning }
}

/** OpenAI's old form. Null: a token that nothing stands before. */
export interface TextLogprobs {
  readonly tokens: readonly string[]
  readonly token_logprobs: readonly (number | null)[]
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[]
  readonly text_offset: readonly number[]
}

/** Of a text. @param offset of the first token's text in the whole */
export function textLogprobs({ content, reasoning }: LogprobDelta, offset: number): TextLogprobs {
  const entries = [...reasoning, ...content]
  let at = offset
  const offsets = entries.map(({ token }) => {
    const start = at
    at += token.length
    return start
  })
  return {
    tokens: entries.map(({ token }) => token),
    token_logprobs: entries.map(({ logprob }) => logprob),
    top_logprobs: entries.map(topOf),
    text_offset: offsets,
  }
}

/** The likeliest by their texts; of two tokens with the same text it has the likelier. */
export function topOf({ top_logprobs: top }: LogprobEntry): Readonly<Record<string, number>> {
  return Object.fromEntries(top.toReversed().map(({ token, logprob }) => [token, logprob]))
}

export function entryOf(id: number, { logprob, bytes, top }: TokenOddsReport): LogprobEntry {
  return {
    ...alternative(id, logprob, bytes),
    top_logprobs: top.map((one) => alternative(one.token, one.logprob, one.bytes)),
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
function alternative(id: number, logprob: number, bytes: Uint8Array): Alternative {
  // JSON has no infinity: what cannot come is as unlikely as a double can say.
  const finite = Number.isFinite(logprob) ? logprob : -Number.MAX_VALUE
  return { id, token: wellFormed(decoder.decode(bytes)), bytes: [...bytes], logprob: finite }
}
