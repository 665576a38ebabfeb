import { expect, test } from 'vitest'
import { runsOf } from './event-chunks.ts'

test.each([
  [[], []],
  [[3], [[3, 3]]],
  [
    [0, 1, 2, 5, 7, 8],
    [
      [0, 2],
      [5, 5],
      [7, 8],
    ],
  ],
])('%j as runs: %j', (positions, runs) => expect(runsOf(Int32Array.from(positions))).toEqual(runs))
