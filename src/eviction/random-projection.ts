/**
 * Lengths of vectors through a random projection.
 *
 * Source: VaSE, arXiv 2606.03928.
 */
import { mulberry32 } from '../mulberry32.ts'

/** A matrix of normal numbers, by columns. */
export interface RandomProjection {
  /** Shape [columns x size]. */
  readonly matrix: Float64Array
  /** A multiple of 4. */
  readonly columns: number
  /** Rows of the matrix: the longest vector that it takes. */
  readonly size: number
}

/**
 * Entries N(0, 1) / sqrt(columns).
 * @param eviction its number in the sequence: each has a matrix of its own, the same in each run
 */
export function randomProjection(size: number, columns: number, seed: number, eviction: number): RandomProjection {
  // Two seeds that follow each other, at two evictions that do, must not meet.
  const draw = mulberry32(seed ^ Math.imul(eviction + 1, 0x9e3779b1))
  const scale = 1 / Math.sqrt(columns)
  return { matrix: Float64Array.from({ length: columns * size }, () => normal(draw) * scale), columns, size }
}

/** Box and Muller's: a standard normal number from two uniform ones. */
function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}

/** Which vectors of a layer: those of one head in some rows. */
export interface HeadRows {
  /** Shape [n]. */
  readonly rows: Int32Array
  readonly head: number
  /** Of a row. */
  readonly heads: number
  readonly headSize: number
}

/**
 * Adds |x G|^2 of each vector x, G being as many rows of the matrix as a head has numbers. O(n * columns * head size).
 * @param sums shape [n]
 */
export function addProjectedSquares(
  layer: Float32Array,
  { rows, head, heads, headSize }: HeadRows,
  { matrix, columns, size }: RandomProjection,
  sums: Float64Array,
): void {
  const vector = new Float64Array(headSize)
  for (let i = 0; i < rows.length; i++) {
    const start = ((rows[i] as number) * heads + head) * headSize
    for (let k = 0; k < headSize; k++) vector[k] = layer[start + k] as number
    let sum = 0
    for (let column = 0; column < columns; column += 4) sum += fourSquares(vector, matrix, column * size, size)
    sums[i] = (sums[i] as number) + sum
  }
}

/** Sum of the squares of a vector's products with four columns at once, which the processor computes side by side. */
function fourSquares(vector: Float64Array, matrix: Float64Array, first: number, size: number): number {
  const second = first + size
  const third = second + size
  const fourth = third + size
  let a = 0
  let b = 0
  let c = 0
  let d = 0
  for (let k = 0; k < vector.length; k++) {
    const x = vector[k] as number
    a += x * (matrix[first + k] as number)
    b += x * (matrix[second + k] as number)
    c += x * (matrix[third + k] as number)
    d += x * (matrix[fourth + k] as number)
  }
  return a * a + b * b + c * c + d * d
}
