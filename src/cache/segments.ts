/**
 * Cells that stay whatever others score: each part of the text keeps some, so that none is lost as a whole.
 */

/**
 * Cuts candidates, in the order of their positions, into equally many as far as that goes: of equal ranges of positions the older would
 * have lost more cells with each eviction, and could not keep their share.
 * @param count of candidates
 * @returns first index and end of each segment that is not empty
 */
export function segmentRanges(count: number, segments: number): readonly (readonly [start: number, end: number])[] {
  const bounds = Array.from({ length: segments + 1 }, (_, i) => Math.floor((i * count) / segments))
  return bounds.slice(1).flatMap((end, i) => {
    const start = bounds[i] ?? 0
    return end > start ? [[start, end] as const] : []
  })
}

/** How many of each segment stay at least, where `staying` of all candidates do: its share of a half of these. */
export function segmentShare(staying: number, segments: number): number {
  return Math.floor(staying / 2 / segments)
}
