/**
 * Log-probabilities of one choice, as they come: of the thinking and of the answer, without tags and end tokens. A token without text may
 * turn out to be part of a tag: it waits for the next one's text.
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

  /** Undefined: nothing new. */
  push(event: GenerateEvent): LogprobDelta | undefined {
    // What had no text by now was a tag.
    if (event.type === 'phase') this.#waiting = []
    if (event.type !== 'token') return undefined
    const { token, odds, text, phase, isTag } = event
    // A line break around a tag that was written in the model's stead belongs to the tag.
    const isTold = isTag !== true || text.trim() !== ''
    if (token !== null && odds && isTold) this.#waiting.push(entryOf(token, odds))
    if (text === '' || this.#waiting.length === 0) return undefined
    const known = this.#waiting.splice(0)
    const list = phase === 'thinking' ? this.reasoning : this.content
    list.push(...known)
    return phase === 'thinking' ? { content: [], reasoning: known } : { content: known, reasoning: [] }
  }
}

/** Of a chat. */
export function chatLogprobs({ content, reasoning }: LogprobDelta) {
  return { content, refusal: null, reasoning }
}

/** Of a text: OpenAI's old form. @param offset of the first token's text in the whole */
export function textLogprobs({ content, reasoning }: LogprobDelta, offset: number) {
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
    top_logprobs: entries.map(({ top_logprobs: top }) =>
      Object.fromEntries(top.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: offsets,
  }
}

function entryOf(id: number, { logprob, bytes, top }: TokenOddsReport): LogprobEntry {
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
