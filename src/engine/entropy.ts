/** How open the choice of the next token is. */

/** A token whose logit is this much below the largest has no share that a double could show. */
const negligible = 40
/** `powers[k]` = exp(-k / powersPerUnit): a vocabulary of 152k has no time for as many calls of `Math.exp`. */
const powersPerUnit = 64
const powers = Float64Array.from({ length: negligible * powersPerUnit + 1 }, (_, k) => Math.exp(-k / powersPerUnit))

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
    const nearest = (below * powersPerUnit + 0.5) | 0
    // exp(rest) by its series: the rest is 1/128 at most.
    const rest = nearest / powersPerUnit - below
    const power = (powers[nearest] as number) * (1 + rest * (1 + rest * (0.5 + rest / 6)))
    sum += power
    weighted += power * below
  }
  return Math.log(sum) + weighted / sum
}
