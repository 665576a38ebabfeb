import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ubatchesOf } from './ubatches.ts'

test.each([
  [[0], [[0]]],
  [[0, 1, 2], [[0, 1, 2]]],
  // A gap, and an order that is not ascending.
  [
    [0, 2, 3],
    [[0], [1, 2]],
  ],
  [
    [2, 0, 1, 3],
    [
      [0, 3],
      [1, 2],
    ],
  ],
  [
    [3, 2, 1],
    [[0], [1], [2]],
  ],
  [[], []],
])('%j', (sequenceIds, expected) => {
  expect(ubatchesOf(sequenceIds)).toEqual(expected)
})

test('every entry once; the ids of a ubatch are consecutive; in ascending batches a ubatch ends only at a gap', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(20), { minLength: 1 }), fc.boolean(), (ids, sorted) => {
      const sequenceIds = sorted ? ids.toSorted((a, b) => a - b) : ids
      const ubatches = ubatchesOf(sequenceIds)
      expect(ubatches.flat().toSorted((a, b) => a - b)).toEqual([...sequenceIds.keys()])
      for (const entries of ubatches) {
        const first = sequenceIds[entries[0]!]!
        expect(entries.map((entry) => sequenceIds[entry])).toEqual(entries.map((_, i) => first + i))
      }
      const gaps = sequenceIds.filter((id, i) => i > 0 && id !== sequenceIds[i - 1]! + 1).length
      if (sorted) expect(ubatches).toHaveLength(gaps + 1)
    }),
  )
})
