/** How likely the model held the next token and its alternatives, and what a request adds to their logits. */
import { expOfMinus, negligible } from './exponential.ts'

/** A token that might have come. */
export interface LikelyToken {
  readonly token: number
  /** Natural logarithm of its probability: softmax over the model's logits, before any bias, temperature or filter. */
  readonly logprob: number
}

/**
 * @param logits shape [vocabulary size]; not changed
 * @param count how many of the likeliest
 */
export class TokenOdds {
  readonly #logits: Float32Array
  readonly #logSum: number
  readonly #count: number

  constructor(logits: Float32Array, count: number) {
    this.#logits = logits
    this.#count = count
    let max = -Infinity
    for (let i = 0; i < logits.length; i++) if ((logits[i] as number) > max) max = logits[i] as number
    let sum = 0
    for (let i = 0; i < logits.length; i++) {
      const below = max - (logits[i] as number)
      if (below < negligible) sum += expOfMinus(below)
    }
    this.#logSum = max + Math.log(sum)
  }

  logprobOf(token: number): number {
    return (this.#logits[token] ?? NaN) - this.#logSum
  }

  /** The likeliest first; of equals the one with the lower number. */
  likeliest(): LikelyToken[] {
    const best: { readonly token: number; readonly logit: number }[] = []
    const logits = this.#logits
    let least = this.#count === 0 ? Infinity : -Infinity
    for (let token = 0; token < logits.length; token++) {
      const logit = logits[token] as number
      if (logit <= least && best.length >= this.#count) continue
      let at = best.length
      while (at > 0 && (best[at - 1]?.logit ?? Infinity) < logit) at--
      best.splice(at, 0, { token, logit })
      if (best.length > this.#count) best.pop()
      if (best.length === this.#count) least = best.at(-1)?.logit ?? Infinity
    }
    return best.map(({ token, logit }) => ({ token, logprob: logit - this.#logSum }))
  }
}

/** A bias of this bans the token. */
export const banned = -100

/** Adds to logits in place. */
export function addBias(logits: Float32Array, bias: ReadonlyMap<number, number>): void {
  for (const [token, amount] of bias) logits[token] = amount <= banned ? -Infinity : (logits[token] ?? NaN) + amount
}
