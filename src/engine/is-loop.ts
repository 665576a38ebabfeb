/** Whether generated text ended in a loop. */

/** How often the period must be there. */
const repeats = 3
/** How long the repeating tail must be at least. */
const leastTokens = 64

/**
 * Whether the tail repeats: there is a period p such that the longest tail in which every token equals the one p before it
 * is at least 64 tokens long and holds the period at least 3 times; the last repetition may be cut off. Only exact
 * repetition counts: a loop that counts upwards is none. A loop that the model got out of is none.
 */
export function isLoop(tokens: ArrayLike<number>): boolean {
  const overlaps = tailOverlaps(tokens)
  for (let period = 1; period * repeats <= tokens.length; period++) {
    const tail = period + (overlaps[period] ?? 0)
    if (tail >= Math.max(leastTokens, period * repeats)) return true
  }
  return false
}

/**
 * For each p, how many tokens at the end equal those p before: the Z function (Gusfield 1997) of the reversed sequence, in
 * linear time.
 * @returns shape [length]; index 0 is not used
 */
function tailOverlaps(tokens: ArrayLike<number>): Int32Array {
  const size = tokens.length
  const at = (i: number) => tokens[size - 1 - i]
  const overlaps = new Int32Array(size)
  let from = 0
  let to = 0
  for (let i = 1; i < size; i++) {
    let overlap = i < to ? Math.min(to - i, overlaps[i - from] ?? 0) : 0
    while (i + overlap < size && at(overlap) === at(i + overlap)) overlap++
    overlaps[i] = overlap
    if (i + overlap > to) {
      from = i
      to = i + overlap
    }
  }
  return overlaps
}
