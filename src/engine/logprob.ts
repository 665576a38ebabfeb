/**
 * log softmax(logits)[token], in double precision.
 * @param logits shape [vocabulary size]
 */
export function logprobOf(logits: Float32Array, token: number): number {
  let max = -Infinity
  for (const logit of logits) if (logit > max) max = logit
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - max)
  return (logits[token] ?? NaN) - max - Math.log(sum)
}
