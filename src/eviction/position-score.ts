/** The score of policies that go by age alone. */

/** The newer a token, the higher its score, so the oldest leave. Shape [n] for n candidates. */
export function positionScore(candidates: Int32Array): Float32Array {
  return Float32Array.from(candidates)
}
