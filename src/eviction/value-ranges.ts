/**
 * How large the cached values are.
 *
 * Source: VaSE, arXiv 2606.03928: without the cells of the largest values, models repeat themselves without end.
 */
import type { CachedValues } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'

/**
 * The range of each candidate's values over the channels of a head (largest minus smallest), by the mean range of the candidates, so
 * that every head counts the same; then the mean over layers and heads. A head without any range says nothing: 0. Shape [n].
 */
export function valueRanges(values: CachedValues, candidates: Int32Array): Float32Array {
  const { headSize } = values
  const rows = rowsOf(values, candidates)
  const sums = new Float64Array(rows.length)
  let heads = 0
  for (const layer of values.channels(rows)) {
    const ofLayer = layer.length / rows.length / headSize
    for (let head = 0; head < ofLayer; head++) {
      const ranges = rangesOf(layer, head * headSize, ofLayer * headSize, headSize)
      const mean = ranges.reduce((sum, range) => sum + range, 0) / rows.length
      if (mean > 0) for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (ranges[i] as number) / mean
    }
    heads += ofLayer
  }
  return Float32Array.from(sums, (sum) => sum / heads)
}

/** Of one head, whose vectors begin at `offset` in each row of `width` numbers. */
function rangesOf(layer: Float32Array, offset: number, width: number, size: number): Float64Array {
  const ranges = new Float64Array(layer.length / width)
  for (let i = 0, at = offset; i < ranges.length; i++, at += width) {
    let least = layer[at] as number
    let most = least
    for (let channel = at + 1; channel < at + size; channel++) {
      const value = layer[channel] as number
      if (value < least) least = value
      else if (value > most) most = value
    }
    ranges[i] = most - least
  }
  return ranges
}
