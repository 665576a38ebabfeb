/**
 * Lengths of vectors through a random projection.
 *
 * Source: VaSE, arXiv 2606.03928.
 */
import { mulberry32 } from '../mulberry32.ts'
import type { CachedKeys } from './policy.ts'

/** A matrix of normal numbers, by columns. */
export interface RandomProjection {
  /** Shape [columns x size]. */
  readonly matrix: Float32Array
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
  return { matrix: Float32Array.from({ length: columns * size }, () => normal(draw) * scale), columns, size }
}

/** Box and Muller's: a standard normal number from two uniform ones. */
function normal(draw: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw())
}

/**
 * |x G|^2 of each vector x, G being as many rows of the matrix as a vector has numbers. O(n * columns * size).
 * @param vectors shape [n x size]
 * @returns shape [n]
 */
export function projectedSquares(
  vectors: Float32Array,
  size: number,
  { matrix, columns, size: rows }: RandomProjection,
  products: CachedKeys['products'],
): Float64Array {
  const count = vectors.length / size
  const some = new Float32Array(columns * size)
  for (let i = 0; i < columns; i++) some.set(matrix.subarray(i * rows, i * rows + size), i * size)
  const projected = products(some, vectors, { size })
  const squares = new Float64Array(count)
  for (let at = 0; at < projected.length; at += count) {
    for (let i = 0; i < count; i++) squares[i] = (squares[i] as number) + (projected[at + i] as number) ** 2
  }
  return squares
}
