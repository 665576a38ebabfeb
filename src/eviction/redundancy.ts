/**
 * How much the cells of a cache repeat each other, by their cached keys.
 *
 * Source: R-KV, arXiv 2505.24133, and its authors' code.
 */
import type { CachedKeys } from './policy.ts'

/** How many columns are looked at together: few at first, where most rows find one that is alike, then twice as many each time. */
const tileColumns = { first: 16, most: 256 }

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
  // From here on a cell is known by its age: 0 is the newest.
  const rowOf = Int32Array.from(positions.keys()).sort((a, b) => (positions[b] ?? 0) - (positions[a] ?? 0))
  const ageOf = new Int32Array(rows)
  for (const [age, row] of rowOf.entries()) ageOf[row] = age
  const ages = Int32Array.from(rowOf.keys())
  const newest = ages.subarray(0, tileColumns.first)
  const redundant = new Float64Array(rows)
  let heads = 0
  for (const layer of layers()) {
    const ofLayer = layer.length / rows / headSize
    const shape = { heads: ofLayer }
    const { lengths, sum } = keys.directions(layer, shape)
    const products = keys.products(sum, layer, shape).slice()
    const vectorsOf = (head: number) => (some: Int32Array) => gather(layer, rowOf, some, headSize, head * headSize)
    const first = new Float32Array(ofLayer * newest.length * headSize)
    for (let head = 0; head < ofLayer; head++) first.set(vectorsOf(head)(newest), head * newest.length * headSize)
    const pairs = keys.products(first, layer, shape).slice()
    for (let head = 0; head < ofLayer; head++) {
      const scales = new Float64Array(rows)
      const sums = new Float64Array(rows)
      for (let age = 0; age < rows; age++) {
        const at = head * rows + (rowOf[age] as number)
        const length = lengths[at] as number
        scales[age] = length > 0 ? 1 / length : 0
        // The sum of a column of cosines is a product with the sum of all directions, the diagonal left out.
        sums[age] = length > 0 ? (products[at] as number) / length - 1 : 0
      }
      const dots = pairs.subarray(head * newest.length * rows, (head + 1) * newest.length * rows)
      new NewestAlike(ages, vectorsOf(head), keys.products, { scales, threshold, sums }).takeOut(newest, ageOf, dots)
      addSoftmax(sums, rows, redundant)
    }
    heads += ofLayer
  }
  return new Map(Array.from(rowOf, (row, age) => [positions[row] ?? 0, (redundant[age] ?? 0) / heads]))
}

interface Cosines {
  /** One over the length of each key; 0 for zeros. */
  readonly scales: Float64Array
  readonly threshold: number
  /** Of each column. */
  readonly sums: Float64Array
}

/** Products of the keys of some columns with those of some rows. */
interface Pairs {
  readonly dots: Float32Array
  /** From one to the next. */
  readonly columnStep: number
  readonly rowStep: number
}

/** A cell, by its age, whose key is alike, and the cosine. */
interface Alike {
  readonly age: number
  readonly cosine: number
}

const none: Alike = { age: Infinity, cosine: 0 }

/** Takes each row's newest column above the threshold out of its sum, for one head. */
class NewestAlike {
  readonly #ages: Int32Array
  readonly #vectorsOf: (ages: Int32Array) => Float32Array
  readonly #products: CachedKeys['products']
  readonly #cosines: Cosines
  /** What a product with a direction has to exceed, by row; a key of zeros is like none. */
  readonly #limits: Float64Array
  /** Rows whose column has been taken out, or that have none. */
  readonly #isSettled: Uint8Array

  /** @param ages all, ascending */
  constructor(
    ages: Int32Array,
    vectorsOf: (ages: Int32Array) => Float32Array,
    products: CachedKeys['products'],
    cosines: Cosines,
  ) {
    this.#ages = ages
    this.#vectorsOf = vectorsOf
    this.#products = products
    this.#cosines = cosines
    this.#limits = cosines.scales.map((scale) => cosines.threshold / scale)
    this.#isSettled = new Uint8Array(ages.length)
  }

  /**
   * Columns are looked at tile by tile, the newest first, for the rows that are open.
   * @param first ages of the first tile
   * @param all ages of all rows, in any order
   * @param dots their products, shape [first x all]
   */
  takeOut(first: Int32Array, all: Int32Array, dots: Float32Array): void {
    let [tile, open] = [first, all]
    let pairs: Pairs = { dots, columnStep: all.length, rowStep: 1 }
    for (;;) {
      const end = (tile.at(-1) ?? 0) + 1
      const wasSettled = this.#isSettled.slice(end)
      this.#settleTile(tile, this.#settleByTile(pairs, tile, open), wasSettled)
      open = open.filter((age) => age >= end && this.#isSettled[age] === 0)
      if (open.length === 0) return
      tile = this.#ages.subarray(end, end + Math.min(2 * tile.length, tileColumns.most))
      pairs = this.#pairs(tile, open)
    }
  }

  /**
   * Settles the rows for which one of the tile's columns is alike.
   * @returns for each of the tile the newest of the older rows that are open and alike: a cosine is the same in row and column
   */
  #settleByTile({ dots, columnStep, rowStep }: Pairs, tile: Int32Array, open: Int32Array): Alike[] {
    const { scales, sums } = this.#cosines
    const limits = this.#limitsOf(open)
    const last = tile.at(-1) ?? 0
    return Array.from(tile, (column, j) => {
      const scale = scales[column] as number
      let taken = 0
      let [age, cosine] = [Infinity, 0]
      for (let i = 0, at = j * columnStep; i < open.length; i++, at += rowStep) {
        const scaled = (dots[at] as number) * scale
        if (!(scaled > (limits[i] as number))) continue
        const row = open[i] as number
        if (row > last && row < age) {
          age = row
          cosine = scaled * (scales[row] as number)
        }
        if (this.#isSettled[row] === 1 || row === column) continue
        taken += scaled * (scales[row] as number)
        this.#isSettled[row] = 1
      }
      sums[column] = (sums[column] as number) - taken
      return { age, cosine }
    })
  }

  /**
   * Settles the tile's own rows that are still open.
   * @param alike for each of the tile the newest of the older rows that were open
   * @param wasSettled for each older row whether it was not
   */
  #settleTile(tile: Int32Array, alike: readonly Alike[], wasSettled: Uint8Array): void {
    const first = tile[0] ?? 0
    const { sums } = this.#cosines
    const waiting = tile.filter((age) => this.#isSettled[age] === 0)
    if (waiting.length === 0) return
    const others = this.#ages.subarray(first + tile.length).filter((_, i) => wasSettled[i] === 1)
    const more = others.length > 0 ? this.#pairs(waiting, others) : undefined
    const limits = this.#limitsOf(others)
    for (const [i, row] of waiting.entries()) {
      const known = alike[row - first]
      const other = more && this.#newest(more, i, row, others, limits)
      const { age, cosine } = other && !(known && known.age < other.age) ? other : (known ?? none)
      if (age < Infinity) sums[age] = (sums[age] as number) - cosine
      this.#isSettled[row] = 1
    }
  }

  /** @param others the newest first */
  #newest(
    { dots, columnStep, rowStep }: Pairs,
    index: number,
    row: number,
    others: Int32Array,
    limits: Float64Array,
  ): Alike {
    const { scales } = this.#cosines
    const scale = scales[row] as number
    for (let i = 0, at = index * columnStep; i < others.length; i++, at += rowStep) {
      const scaled = (dots[at] as number) * scale
      if (scaled > (limits[i] as number))
        return { age: others[i] as number, cosine: scaled * (scales[others[i] as number] as number) }
    }
    return none
  }

  #limitsOf(rows: Int32Array): Float64Array {
    const limits = new Float64Array(rows.length)
    for (let i = 0; i < rows.length; i++) limits[i] = this.#limits[rows[i] as number] as number
    return limits
  }

  /** The fewer are multiplied with the more. */
  #pairs(columns: Int32Array, rows: Int32Array): Pairs {
    const [a, b] = [this.#vectorsOf(columns), this.#vectorsOf(rows)]
    return columns.length <= rows.length
      ? { dots: this.#products(a, b), columnStep: rows.length, rowStep: 1 }
      : { dots: this.#products(b, a), columnStep: 1, rowStep: columns.length }
  }
}

/** The vectors of one head, shape [ages x size]. @param offset of the head in a row */
function gather(layer: Float32Array, rowOf: Int32Array, some: Int32Array, size: number, offset: number): Float32Array {
  const width = layer.length / rowOf.length
  const vectors = new Float32Array(some.length * size)
  for (let i = 0, to = 0; i < some.length; i++) {
    const start = (rowOf[some[i] as number] as number) * width + offset
    for (let from = start; from < start + size; from++) vectors[to++] = layer[from] as number
  }
  return vectors
}

/** sum += softmax(values / count); `values` is used up. */
function addSoftmax(values: Float64Array, count: number, sum: Float64Array): void {
  let largest = -Infinity
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > largest) largest = values[i] as number
  let total = 0
  for (let i = 0; i < values.length; i++) {
    const power = Math.exp(((values[i] as number) - largest) / count)
    values[i] = power
    total += power
  }
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (values[i] as number) / total
}
