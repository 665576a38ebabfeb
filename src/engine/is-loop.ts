/** Whether generated text ended in a loop. */

export interface LoopOptions {
  /** How often the period must be there. Default 3. */
  readonly repeats?: number | undefined
  /** How long the repeating tail must be at least, in tokens or characters. Default: 64 tokens, 256 characters. */
  readonly length?: number | undefined
}

/**
 * Whether the tail repeats: there is a period p such that the longest tail in which every element equals the one p before it
 * is at least `length` long and holds the period at least `repeats` times; the last repetition may be cut off. Only exact
 * repetition counts: a loop that counts upwards is none. A loop that the model got out of is none.
 * @param sequence tokens, or text (UTF-16 units)
 */
export function isLoop(sequence: string | ArrayLike<number>, options: LoopOptions = {}): boolean {
  const { repeats = 3, length = typeof sequence === 'string' ? 256 : 64 } = options
  const size = sequence.length
  const overlaps = tailOverlaps(sequence)
  for (let period = 1; period * repeats <= size; period++) {
    const tail = period + (overlaps[period] ?? 0)
    if (tail >= Math.max(length, period * repeats)) return true
  }
  return false
}

/**
 * For each p, how many elements at the end equal those p before: the Z function (Gusfield 1997) of the reversed sequence, in
 * linear time.
 * @returns shape [length]; index 0 is not used
 */
function tailOverlaps(sequence: string | ArrayLike<number>): Int32Array {
  const size = sequence.length
  const at = (i: number) => (typeof sequence === 'string' ? sequence.charCodeAt(size - 1 - i) : sequence[size - 1 - i])
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
