/**
 * Tokens by falling score; of equal scores the newer comes first, as it stays longer in a cache.
 * @param scores shape [n], no NaN
 * @returns indices, shape [n]
 */
export function byFallingScore(scores: Float32Array): Int32Array {
  const of = (token: number) => scores[token] ?? NaN
  return Int32Array.from(scores.keys()).sort((a, b) => of(b) - of(a) || b - a)
}
