/** A prompt that is told before what follows it: its text, and how likely the model held each of its tokens but the first. */
import type { Prompt, TokenOddsReport } from '../../engine/types.ts'
import { entryOf, topOf, type TextLogprobs } from './choice-logprobs.ts'
import type { PromptToken } from './event-chunks.ts'

export class PromptEcho {
  /** As it was given, or as its tokens are spelled. */
  readonly text: string
  readonly #tokens: readonly PromptToken[]
  readonly #offsets: readonly number[]
  readonly #pieces: TextLogprobs[] = []
  #told = 0

  /** @param tokens all of them */
  constructor(prompt: Prompt, tokens: readonly PromptToken[]) {
    const spelled = tokens.map(([, text]) => text).join('')
    this.#tokens = tokens
    this.text = 'text' in prompt ? prompt.text : spelled
    // What the tokenizer puts in front (a token that begins every text, a space) is in no text.
    let at = this.text.length - spelled.length
    this.#offsets = tokens.map(([, text]) => {
      const start = Math.max(0, at)
      at += text.length
      return start
    })
  }

  /** Of all that was pushed. */
  get logprobs(): TextLogprobs {
    return joinLogprobs(this.#pieces)
  }

  /** What came to be known with the next odds, the first token included. */
  push(odds: readonly TokenOddsReport[]): TextLogprobs {
    const isFirst = this.#told === 0
    const from = this.#told
    this.#told += odds.length + (isFirst ? 1 : 0)
    const told = this.#tokens.slice(from, this.#told)
    const entries = odds.map((one, i) => entryOf(told[i + (isFirst ? 1 : 0)]?.[0] ?? -1, one))
    const [first] = told
    const known: TextLogprobs = {
      tokens: [...(isFirst && first ? [first[1]] : []), ...entries.map(({ token }) => token)],
      token_logprobs: [...(isFirst ? [null] : []), ...entries.map(({ logprob }) => logprob)],
      top_logprobs: [...(isFirst ? [null] : []), ...entries.map(topOf)],
      text_offset: this.#offsets.slice(from, this.#told),
    }
    this.#pieces.push(known)
    return known
  }
}

export function joinLogprobs(pieces: readonly TextLogprobs[]): TextLogprobs {
  return {
    tokens: pieces.flatMap(({ tokens }) => tokens),
    token_logprobs: pieces.flatMap(({ token_logprobs: logprobs }) => logprobs),
    top_logprobs: pieces.flatMap(({ top_logprobs: top }) => top),
    text_offset: pieces.flatMap(({ text_offset: offsets }) => offsets),
  }
}
