/** Scores of different scales made comparable over the candidates of one eviction. */

/** (value - mean) / standard deviation, shape [n]; zeros where all values are equal. */
export function zScores(values: Float32Array): Float64Array {
  const n = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / n
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n)
  // Rounding of the mean leaves a little where all are equal.
  const isConstant = deviation <= Math.abs(mean) * 1e-9
  return Float64Array.from(values, (value) => (isConstant ? 0 : (value - mean) / deviation))
}
