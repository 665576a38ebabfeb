/** Scores of different scales made comparable over the candidates of one eviction. */

/** (value - mean) / standard deviation, shape [n]; zeros where all values are equal. */
export function zScores(values: Float32Array): Float64Array {
  const n = values.length
  let sum = 0
  for (let i = 0; i < n; i++) sum += values[i] as number
  const mean = sum / n
  let squares = 0
  for (let i = 0; i < n; i++) squares += ((values[i] as number) - mean) ** 2
  const deviation = Math.sqrt(squares / n)
  // Rounding of the mean leaves a little where all are equal.
  const isConstant = deviation <= Math.abs(mean) * 1e-9
  const scores = new Float64Array(n)
  if (!isConstant) for (let i = 0; i < n; i++) scores[i] = ((values[i] as number) - mean) / deviation
  return scores
}
