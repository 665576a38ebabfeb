/**
 * Watches the replay of a trace that states a fact once: what of the fact is held when its value is repeated, and how likely the model
 * holds the value.
 */
import type { EvictionEvent, GenerateEvent, GenerateResult, TokenOddsReport } from '../../engine/types.ts'
import { EngineError } from '../../errors.ts'
import type { RecalledFact } from '../tasks/task.ts'
import type { ReplayReference } from './eval-job.ts'
import type { RecallResult } from './eval-record.ts'

export class RecallProbe {
  readonly #fact: RecalledFact
  readonly #answerFrom: number
  #promptTokens = 0
  /** Generated tokens so far. */
  #tokens = 0
  #evictions = 0
  /** Of the fact's cells. */
  #left = 0
  #isRight = true
  #logprob = 0

  constructor({ answerFrom }: ReplayReference, fact: RecalledFact) {
    this.#fact = fact
    this.#answerFrom = answerFrom
  }

  /** All events of the replay, in their order, with the odds of each token. */
  take(event: GenerateEvent): void {
    if (event.type === 'start') this.#promptTokens = event.promptTokens
    else if (event.type === 'eviction') this.#takeEviction(event)
    else if (event.type === 'token' && event.token !== null) this.#takeToken(event.token, event.odds)
  }

  /** @throws EngineError `events_missed` if it was not given all of them: whoever reads them may have been too slow */
  result({ tokens, cache }: GenerateResult): RecallResult {
    const { from, to, distance } = this.#fact
    if (this.#tokens !== tokens.length - this.#promptTokens || this.#evictions !== cache.evictions) {
      throw new EngineError('events_missed', 'the replay’s events were read too slowly')
    }
    return {
      distance,
      tokensBetween: this.#answerFrom - (to - 1),
      held: 1 - this.#left / (to - from),
      right: this.#isRight,
      logprob: this.#logprob,
    }
  }

  #takeEviction({ step, leaving }: EvictionEvent): void {
    this.#evictions++
    // The pass over the last token before the value, the `answerFrom`-th, still sees what leaves after it.
    if (step >= this.#answerFrom) return
    const from = this.#promptTokens + this.#fact.from
    const to = this.#promptTokens + this.#fact.to
    for (const position of leaving) if (position >= from && position < to) this.#left++
  }

  #takeToken(token: number, odds: TokenOddsReport | undefined): void {
    if (this.#tokens++ < this.#answerFrom) return
    this.#isRight &&= odds?.top[0]?.token === token
    this.#logprob += odds?.logprob ?? NaN
  }
}
