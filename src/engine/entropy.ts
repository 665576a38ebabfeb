/** How open the choice of the next token is. */
import { expOfMinus, negligible } from './exponential.ts'

/**
 * Entropy of softmax(logits) in nats: 0 where one token is certain, ln(vocabulary size) where all are alike. Within 1e-8 of the value
 * in double precision.
 * @param logits shape [vocabulary size]; not changed; -Infinity for a token that cannot come
 */
export function entropyOf(logits: Float32Array): number {
  let max = -Infinity
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number
    if (logit > max) max = logit
  }
  let sum = 0
  let weighted = 0
  for (let i = 0; i < logits.length; i++) {
    const below = max - (logits[i] as number)
    if (below >= negligible) continue
    const power = expOfMinus(below)
    sum += power
    weighted += power * below
  }
  return Math.log(sum) + weighted / sum
}
