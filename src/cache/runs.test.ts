import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { removalRuns } from './runs.ts'

function runs(held: number[], leaving: number[]) {
  return removalRuns(Int32Array.from(held), Int32Array.from(leaving))
}

describe('removalRuns', () => {
  test.each([
    { held: [0, 1, 2, 3], leaving: [], expected: [] },
    { held: [0, 1, 2, 3], leaving: [1, 2], expected: [[1, 3]] },
    { held: [0, 1, 2, 3], leaving: [0, 2], expected: [[0, 1], [2, 3]] }, // prettier-ignore
    { held: [0, 5, 9, 12], leaving: [5, 9], expected: [[5, 10]] },
    { held: [0, 5, 9, 12], leaving: [0, 5, 9, 12], expected: [[0, 13]] },
  ])('$leaving of $held', ({ held, leaving, expected }) => {
    expect(runs(held, leaving)).toEqual(expected)
  })

  test('a position that is not held, or out of order, is a bug', () => {
    expect(() => runs([0, 2], [1])).toThrow('not held')
    expect(() => runs([0, 2], [2, 0])).toThrow('out of order')
    expect(() => runs([], [3])).toThrow('not held')
  })

  test('the ranges remove exactly the leaving cells, and no two of them could be one', () => {
    const cells = fc.uniqueArray(fc.record({ position: fc.nat(300), leaves: fc.boolean() }), {
      selector: ({ position }) => position,
      maxLength: 120,
    })
    fc.assert(
      fc.property(cells, (unordered) => {
        const sorted = unordered.toSorted((a, b) => a.position - b.position)
        const held = sorted.map(({ position }) => position)
        const leaving = sorted.filter(({ leaves }) => leaves).map(({ position }) => position)
        const ranges = runs(held, leaving)
        const covered = held.filter((position) => ranges.some(([p0, p1]) => p0 <= position && position < p1))
        expect(covered).toEqual(leaving)
        for (const [p0, p1] of ranges) expect(p0).toBeLessThan(p1)
        ranges.slice(1).forEach(([start], i) => {
          const [, end] = ranges[i]!
          const between = sorted.filter(({ position }) => end <= position && position < start)
          expect(between.some(({ leaves }) => !leaves)).toBe(true)
        })
      }),
    )
  })
})
