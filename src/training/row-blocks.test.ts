import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { blockRows, rowBlocks, scoreInBlocks } from './row-blocks.ts'

const statesOf = (rows: number) => Uint16Array.from({ length: 2 * rows }, (_, i) => i)
/** Adds up a row's two values. */
const score = (states: Uint16Array, rows: number) =>
  Float32Array.from({ length: rows }, (_, row) => states[2 * row]! + states[2 * row + 1]!)

test('blocks are all rows in order, none of them too large', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 * blockRows }), async (rows) => {
      const states = statesOf(rows)
      const seen: number[] = []
      for await (const block of rowBlocks(states, rows, undefined)) {
        expect(2 * block.from).toBe(seen.length)
        expect(block.states).toHaveLength(2 * block.rows)
        expect(block.rows).toBeLessThanOrEqual(blockRows)
        seen.push(...block.states)
      }
      expect(seen).toEqual([...states])
      expect(await scoreInBlocks(score, states, rows, undefined)).toEqual(score(states, rows))
    }),
    { numRuns: 20 },
  )
})

test('an abort is noticed in the middle of a long trace', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  let blocks = 0
  const stopping = (states: Uint16Array, rows: number) => {
    // As a signal's handler would: in a turn of its own.
    if (++blocks === 2) void nextTurn().then(() => stop.abort(reason))
    return score(states, rows)
  }
  const rows = 10 * blockRows
  await expect(scoreInBlocks(stopping, statesOf(rows), rows, stop.signal)).rejects.toBe(reason)
  expect(blocks).toBeLessThan(5)
})
