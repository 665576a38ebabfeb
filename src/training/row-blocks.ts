/**
 * Long arrays of rows in blocks, between which other work is let through: with a large model a trace alone takes minutes on a
 * CPU.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Also the largest block of ggml's graphs, so that dividing here changes no bit of a result. */
export const blockRows = 512

export interface RowBlock {
  /** Its first row. */
  readonly from: number
  readonly rows: number
  /** Of these rows, row after row. */
  readonly states: Uint16Array
}

/**
 * @param states rows x d
 * @throws the signal's reason when it aborts between two blocks
 */
export async function* rowBlocks(
  states: Uint16Array,
  rows: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<RowBlock, void, undefined> {
  const hiddenSize = states.length / rows
  for (let from = 0; from < rows; from += blockRows) {
    await nextTurn()
    signal?.throwIfAborted()
    const count = Math.min(blockRows, rows - from)
    yield { from, rows: count, states: states.subarray(from * hiddenSize, (from + count) * hiddenSize) }
  }
}

/**
 * Scores tokens.
 * @param states rows x d float16 bit patterns
 * @returns one score for each row
 */
export type Scorer = (states: Uint16Array, rows: number) => Float32Array

/** Scores any number of rows, block by block. @throws the signal's reason */
export async function scoreInBlocks(
  score: Scorer,
  states: Uint16Array,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const scores = new Float32Array(rows)
  for await (const block of rowBlocks(states, rows, signal)) scores.set(score(block.states, block.rows), block.from)
  return scores
}
