/**
 * How much the cells of a cache repeat each other, by their cached keys.
 *
 * Source: R-KV, arXiv 2505.24133, and its authors' code.
 */
import { headsOf, productsWith, type HeadRows } from './head-rows.ts'
import { sumOfDirections } from './key-difference.ts'
import type { CachedKeys } from './policy.ts'

/** Columns that are looked at first. */
const newestFirst = 8
/** Columns that are looked at together, where none of these is alike: four times as many each time, as fewer and fewer rows are open. */
const tileColumns = { first: 32, largest: 256 }

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
  const byAge = Int32Array.from(positions, (_, row) => row).sort((a, b) => (positions[a] ?? 0) - (positions[b] ?? 0))
  const everyRow = Int32Array.from({ length: rows }, (_, row) => row)
  const sum = new Float64Array(rows)
  let heads = 0
  for (const layer of layers()) {
    const ofLayer = headsOf(layer, rows, headSize)
    // For all rows of all heads at once: in most of them one of the newest is alike.
    const newest = byAge.subarray(-newestFirst)
    const tiles = keys.products(concatenated(ofLayer.map((head) => gather(head, newest))), layer, {
      heads: ofLayer.length,
    })
    const first = tiles.slice()
    for (const [i, head] of ofLayer.entries()) {
      const { scales, sum: ofAll } = sumOfDirections(head)
      // The sum of a column of cosines is a product with the sum of all directions, the diagonal left out.
      const sums = productsWith(head, ofAll).map((product, row) => {
        const scale = scales[row] as number
        return product * scale - (scale === 0 ? 0 : 1)
      })
      const choice: Choice = { scales, threshold, sums }
      const product = first.subarray(i * newest.length * rows, (i + 1) * newest.length * rows)
      const open = takeOutNewest(product, everyRow, newest, choice)
      searchOlder(head, byAge.subarray(0, rows - newest.length), open, keys.products, choice)
      addSoftmax(
        sums.map((value) => value / rows),
        sum,
      )
      heads++
    }
  }
  return new Map(Array.from(positions, (position, row) => [position, (sum[row] ?? 0) / heads]))
}

interface Choice {
  /** One over the length of each row's key. */
  readonly scales: Float64Array
  readonly threshold: number
  /** Of columns of cosines: each row's newest above the threshold is taken out. */
  readonly sums: Float64Array
}

/**
 * For rows that have no alike column yet: the newest of the older columns, tile by tile.
 * @param byAge the columns, oldest first
 */
function searchOlder(
  head: HeadRows,
  byAge: Int32Array,
  rows: Int32Array,
  products: CachedKeys['products'],
  choice: Choice,
): void {
  let open = rows
  let keys = gather(head, open)
  let end = byAge.length
  for (let tile = tileColumns.first; end > 0 && open.length > 0; tile = Math.min(4 * tile, tileColumns.largest)) {
    const columns = byAge.subarray(Math.max(0, end - tile), end)
    end -= columns.length
    const stillOpen = takeOutNewest(products(gather(head, columns), keys), open, columns, choice)
    if (stillOpen.length < open.length) keys = gather(head, stillOpen)
    open = stillOpen
  }
}

/**
 * Takes the newest alike one of these columns out of its sum, for each open row.
 * @param product of the columns' keys with the open rows', shape [columns x open rows]
 * @param columns oldest first
 * @returns rows that have none
 */
function takeOutNewest(
  product: Float32Array,
  open: Int32Array,
  columns: Int32Array,
  { scales, threshold, sums }: Choice,
): Int32Array {
  const count = open.length
  const isClosed = new Uint8Array(count)
  // What a product has to exceed; a key of zeros is like none.
  const limits = Float64Array.from(open, (row) => threshold / (scales[row] as number))
  let left = count
  for (let j = columns.length - 1; j >= 0 && left > 0; j--) {
    const column = columns[j] as number
    const scale = scales[column] as number
    let taken = 0
    for (let i = 0; i < count; i++) {
      const scaled = (product[j * count + i] as number) * scale
      if (!(scaled > (limits[i] as number)) || isClosed[i] === 1) continue
      const row = open[i] as number
      if (row === column) continue
      taken += scaled * (scales[row] as number)
      isClosed[i] = 1
      left--
    }
    sums[column] = (sums[column] as number) - taken
  }
  return open.filter((_, i) => isClosed[i] === 0)
}

/** The vectors of some rows, shape [rows x size]. */
function gather({ layer, width, offset, size }: HeadRows, rows: Int32Array): Float32Array {
  const vectors = new Float32Array(rows.length * size)
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * width + offset
    vectors.set(layer.subarray(start, start + size), i * size)
  }
  return vectors
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** sum += softmax(values) */
function addSoftmax(values: Float64Array, sum: Float64Array): void {
  const largest = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const powers = values.map((value) => Math.exp(value - largest))
  const total = powers.reduce((a, b) => a + b, 0)
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (powers[i] ?? 0) / total
}
