/** When the thinking is closed in the model's stead, by what is asked of the request, and with which tokens. */
import type { ThinkingTags } from '../llama/index.ts'
import type { Vocabulary } from './forward-pass.ts'
import { isLoop } from './is-loop.ts'
import type { ThinkingEnd } from './types.ts'

/** What of a request limits the thinking. */
export interface ThinkingLimits {
  /** The most thinking tokens. */
  readonly thinkingBudget: number | undefined
  /** Tokens of the maximum that are left to the answer. */
  readonly answerReserve: number | undefined
  /** Whether a thinking that repeats itself is closed. */
  readonly stopLoops: boolean
  /** The last words of a thinking that is closed. */
  readonly wrapUp: string
  readonly maxTokens: number
}

/** Where a generation is. */
export interface ThinkingState {
  readonly thinkingTokens: number
  readonly generated: readonly number[]
}

/** A token that is fed instead of a sampled one. */
export interface ForcedToken {
  readonly token: number
  /** Whether it belongs to the closing tag; else to the last words of the thinking. */
  readonly isTag: boolean
}

/** A loop is looked for every so many thinking tokens, in so many of the last ones. */
const loopInterval = 16
const loopSpan = 4096

export class ThinkingLimit {
  readonly #limits: ThinkingLimits
  /** The last words and the closing tag. */
  readonly closing: readonly ForcedToken[]

  constructor(limits: ThinkingLimits, tags: ThinkingTags, vocab: Vocabulary) {
    this.#limits = limits
    const words = limits.wrapUp === '' ? [] : [...vocab.tokenizeContinuation(`\n${limits.wrapUp}`, { special: false })]
    this.closing = [
      ...words.map((token) => ({ token, isTag: false })),
      ...[...vocab.tokenizeContinuation(tags.closing)].map((token) => ({ token, isTag: true })),
    ]
  }

  /** Why the thinking is to be closed now, if it is. */
  due({ thinkingTokens, generated }: ThinkingState): ThinkingEnd | undefined {
    const { thinkingBudget, answerReserve, stopLoops, maxTokens } = this.#limits
    if (thinkingBudget !== undefined && thinkingTokens >= thinkingBudget) return 'thinking-budget'
    const left = maxTokens - generated.length - this.closing.length
    if (answerReserve !== undefined && left <= answerReserve) return 'answer-reserve'
    if (!stopLoops || thinkingTokens === 0 || thinkingTokens % loopInterval !== 0) return undefined
    return isLoop(generated.slice(-Math.min(thinkingTokens, loopSpan))) ? 'loop' : undefined
  }
}
