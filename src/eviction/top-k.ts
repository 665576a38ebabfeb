/** The order in which cells leave, by their scores and positions. */
import { segmentRanges, segmentShare } from '../cache/segments.ts'
import { InputError } from '../errors.ts'

/**
 * The positions that leave: the `count` lowest scores; of equal scores the older token leaves. O(n log n).
 * @param positions shape [n]
 * @param scores shape [n]; -Infinity is allowed, NaN is not
 * @param count 0..n
 * @returns shape [count], ascending
 * @throws InputError `no_score` for NaN: a broken model gives it
 */
export function lowestScored(positions: Int32Array, scores: Float32Array, count: number): Int32Array {
  if (scores.length !== positions.length) {
    throw new Error(`A policy gave ${scores.length} scores for ${positions.length} candidates.`)
  }
  if (count < 0 || count > positions.length) throw new Error(`${count} of ${positions.length} candidates cannot leave.`)
  const cells = Array.from(positions, (position, i) => ({ position, score: scores[i] ?? NaN }))
  const wrong = cells.find(({ score }) => Number.isNaN(score))
  if (wrong)
    throw new InputError(
      'no_score',
      `position ${wrong.position} has no score, because what the model computes is no number (NaN): its file is probably damaged`,
    )
  // Not `a - b` for scores: -Infinity minus -Infinity is NaN.
  cells.sort((a, b) => (a.score < b.score ? -1 : a.score > b.score ? 1 : a.position - b.position))
  return Int32Array.from(cells.slice(0, count), ({ position }) => position).sort()
}

/**
 * As `lowestScored`, but each of so many segments of the positions keeps the highest of its own: its share of a half of all that stay.
 * @param positions shape [n], ascending
 */
export function lowestOutsideQuota(
  positions: Int32Array,
  scores: Float32Array,
  count: number,
  segments: number,
): Int32Array {
  const share = segmentShare(positions.length - count, segments)
  const free: number[] = []
  for (const [start, end] of segmentRanges(positions.length, segments)) {
    const mayLeave = end - start - share
    free.push(...lowestScored(positions.subarray(start, end), scores.subarray(start, end), mayLeave))
  }
  const others = Int32Array.from(free)
  return lowestScored(others, scoresOf(others, positions, scores), count)
}

/**
 * The scores of some positions.
 * @param some ascending, all of them in `positions`
 * @param positions shape [n], ascending
 * @param scores shape [n]
 */
export function scoresOf(some: Int32Array, positions: Int32Array, scores: Float32Array): Float32Array {
  if (some === positions) return scores
  let i = 0
  return Float32Array.from(some, (position) => {
    while (positions[i] !== position && i < positions.length) i++
    return scores[i] ?? NaN
  })
}
