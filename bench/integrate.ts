/**
 * The time of a whole generation from the times of steps at a few positions.
 */
export interface Point {
  readonly position: number
  /** Milliseconds per step there. */
  readonly ms: number
}

/**
 * Seconds of the steps at the positions `from` to `to` - 1: straight lines from point to point, the first and the last line
 * going on beyond.
 * @param points two or more, by ascending positions
 */
export function integrate(points: readonly Point[], from: number, to: number): number {
  let ms = 0
  for (let position = from; position < to; position++) ms += at(points, position)
  return ms / 1000
}

function at(points: readonly Point[], position: number): number {
  const next = points.findIndex((point, i) => i > 0 && point.position >= position)
  const [a, b] = next < 0 ? points.slice(-2) : points.slice(next - 1, next + 1)
  if (!a || !b) throw new RangeError('a line needs two points')
  return a.ms + ((b.ms - a.ms) * (position - a.position)) / (b.position - a.position)
}
