/** Arithmetic on the vectors of one head in all rows of a layer, four rows at a time, which the processor computes side by side. */

export interface HeadRows {
  /** Shape [rows x heads x size]. */
  readonly layer: Float32Array
  readonly rows: number
  /** Numbers of a row. */
  readonly width: number
  /** Of the head in a row. */
  readonly offset: number
  /** Numbers of a vector. */
  readonly size: number
}

/** The heads of a layer of so many rows, in their order. */
export function headsOf(layer: Float32Array, rows: number, size: number): HeadRows[] {
  const width = layer.length / rows
  return Array.from({ length: width / size }, (_, head) => ({ layer, rows, width, offset: head * size, size }))
}

/** Length of each vector, shape [rows]. */
export function lengthsOf({ layer, rows, width, offset, size }: HeadRows): Float64Array {
  const lengths = new Float64Array(rows)
  for (let row = 0; row < rows; row += 4) {
    const [a, b, c, d] = fourRows(row, rows, width, offset)
    let p = 0
    let q = 0
    let r = 0
    let s = 0
    for (let i = 0; i < size; i++) {
      const w = layer[a + i] as number
      const x = layer[b + i] as number
      const y = layer[c + i] as number
      const z = layer[d + i] as number
      p += w * w
      q += x * x
      r += y * y
      s += z * z
    }
    setFour(lengths, row, Math.sqrt(p), Math.sqrt(q), Math.sqrt(r), Math.sqrt(s))
  }
  return lengths
}

/** Sum of all vectors, each times its weight. @param weights shape [rows] @returns shape [size] */
export function weightedSum({ layer, rows, width, offset, size }: HeadRows, weights: Float64Array): Float64Array {
  const sum = new Float64Array(size)
  for (let row = 0; row < rows; row += 4) {
    const [a, b, c, d] = fourRows(row, rows, width, offset)
    const p = weights[row] as number
    // Beyond the last row the last one stands in, and counts nothing.
    const q = weights[row + 1] ?? 0
    const r = weights[row + 2] ?? 0
    const s = weights[row + 3] ?? 0
    for (let i = 0; i < size; i++) {
      const first = (layer[a + i] as number) * p + (layer[b + i] as number) * q
      const second = (layer[c + i] as number) * r + (layer[d + i] as number) * s
      sum[i] = (sum[i] as number) + first + second
    }
  }
  return sum
}

/** Product of each vector with another. @param other shape [size] @param chosen of these rows only @returns shape [rows] */
export function productsWith(
  { layer, rows, width, offset, size }: HeadRows,
  other: Float64Array,
  chosen?: Int32Array,
): Float64Array {
  const products = new Float64Array(chosen?.length ?? rows)
  for (let row = 0; row < products.length; row += 4) {
    const [a, b, c, d] = fourRows(row, products.length, width, offset, chosen)
    let p = 0
    let q = 0
    let r = 0
    let s = 0
    for (let i = 0; i < size; i++) {
      const x = other[i] as number
      p += (layer[a + i] as number) * x
      q += (layer[b + i] as number) * x
      r += (layer[c + i] as number) * x
      s += (layer[d + i] as number) * x
    }
    setFour(products, row, p, q, r, s)
  }
  return products
}

/** Where the vectors of four rows begin; for those beyond the last row, where that one's does. */
function fourRows(
  row: number,
  rows: number,
  width: number,
  offset: number,
  chosen?: Int32Array,
): [number, number, number, number] {
  const at = (i: number) => {
    const index = Math.min(row + i, rows - 1)
    return (chosen ? (chosen[index] as number) : index) * width + offset
  }
  return [at(0), at(1), at(2), at(3)]
}

/** Beyond the end of `to` nothing is written. */
function setFour(to: Float64Array, at: number, p: number, q: number, r: number, s: number): void {
  to[at] = p
  if (at + 1 < to.length) to[at + 1] = q
  if (at + 2 < to.length) to[at + 2] = r
  if (at + 3 < to.length) to[at + 3] = s
}
