/**
 * How much the cells of a cache repeat each other, by their cached keys.
 *
 * Source: R-KV, arXiv 2505.24133, and its authors' code.
 */
import type { CachedKeys } from './policy.ts'

/** Vectors of either side in one call of `CachedKeys.products`. */
const tile = 256

/**
 * Redundancy of each cell, by position. For each layer and key head: the cosines of all pairs of keys, 0 on the diagonal; in
 * each row the newest column above `threshold`, if any, set to 0; the mean of each column; softmax over the cells. Then the
 * mean over layers and heads. The values of all cells sum to 1.
 *
 * O(n * d) for each head where every cell has an alike one among the newest, O(n^2 * d) at worst.
 */
export function redundancy(keys: CachedKeys, threshold: number): Map<number, number> {
  const { positions, headSize, layers } = keys
  const rows = positions.length
  const byAge = Uint32Array.from(positions, (_, row) => row).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0))
  const units = new Float32Array(rows * headSize)
  const sum = new Float64Array(rows)
  let heads = 0
  for (const values of layers()) {
    const width = values.length / rows
    for (let offset = 0; offset < width; offset += headSize) {
      for (const [i, row] of byAge.entries()) {
        writeDirection(values, row * width + offset, units, i * headSize, headSize)
      }
      addSoftmax(columnMeans(units, keys, threshold), sum)
      heads++
    }
  }
  return new Map(Array.from(byAge, (row, i) => [positions[row] ?? -1, (sum[i] ?? 0) / heads]))
}

/**
 * Mean of each column of the matrix of cosines, the newest alike column of each row left out. The sum of a column is a
 * product with the sum of all keys, so that only the columns to leave out have to be looked for.
 * @param units keys of length 1, oldest first, shape [n x head size]
 */
function columnMeans(units: Float32Array, keys: CachedKeys, threshold: number): Float64Array {
  const size = keys.headSize
  const rows = units.length / size
  const total = new Float64Array(size)
  for (let at = 0; at < units.length; at += size) {
    for (let i = 0; i < size; i++) total[i] = (total[i] ?? 0) + (units[at + i] ?? 0)
  }
  const sums = new Float64Array(rows)
  for (let row = 0; row < rows; row++) {
    let product = 0
    for (let i = 0; i < size; i++) {
      const unit = units[row * size + i] ?? 0
      product += unit * ((total[i] ?? 0) - unit)
    }
    sums[row] = product
  }
  leaveOutNewestAlike(units, keys, threshold, sums)
  return sums.map((value) => value / rows)
}

/** Takes each row's newest column above `threshold` out of that column's sum. */
function leaveOutNewestAlike(
  units: Float32Array,
  { headSize: size, products }: CachedKeys,
  threshold: number,
  sums: Float64Array,
): void {
  /** Rows that have no alike column yet. */
  let open = Array.from(sums.keys())
  for (let end = sums.length; end > 0 && open.length > 0; end -= tile) {
    const start = Math.max(0, end - tile)
    const columns = units.subarray(start * size, end * size)
    const stillOpen: number[] = []
    for (let from = 0; from < open.length; from += tile) {
      const some = open.slice(from, from + tile)
      const cosines = products(gather(units, some, size), columns)
      for (const [i, row] of some.entries()) {
        const alike = newestAbove(cosines, i * (end - start), end - start, threshold, row - start)
        if (alike < 0) stillOpen.push(row)
        else sums[start + alike] = (sums[start + alike] ?? 0) - (cosines[i * (end - start) + alike] ?? 0)
      }
    }
    open = stillOpen
  }
}

/** The last of `count` values from `at` on that is above `threshold`, apart from one; -1 if there is none. */
function newestAbove(values: Float32Array, at: number, count: number, threshold: number, apartFrom: number): number {
  for (let i = count - 1; i >= 0; i--) if ((values[at + i] ?? 0) > threshold && i !== apartFrom) return i
  return -1
}

function gather(units: Float32Array, rows: readonly number[], size: number): Float32Array {
  const gathered = new Float32Array(rows.length * size)
  for (const [i, row] of rows.entries()) gathered.set(units.subarray(row * size, (row + 1) * size), i * size)
  return gathered
}

/** sum += softmax(values) */
function addSoftmax(values: Float64Array, sum: Float64Array): void {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = values.map((value) => Math.exp(value - largest))
  const total = powers.reduce((a, b) => a + b, 0)
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (powers[i] ?? 0) / total
}

/** Writes a vector's direction, a vector of length 1; of zeros, zeros. */
function writeDirection(from: Float32Array, at: number, to: Float32Array, start: number, size: number): void {
  let squares = 0
  for (let i = at; i < at + size; i++) squares += (from[i] ?? 0) ** 2
  const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0
  for (let i = 0; i < size; i++) to[start + i] = (from[at + i] ?? 0) * scale
}
