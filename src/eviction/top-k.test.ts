import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lowestScored } from './top-k.ts'

function lowest(positions: number[], scores: number[], count: number): number[] {
  return [...lowestScored(Int32Array.from(positions), Float32Array.from(scores), count)]
}

describe('lowestScored', () => {
  test('the lowest scores leave, in the order of positions', () => {
    expect(lowest([3, 5, 8, 9], [4, 1, 3, 2], 2)).toEqual([5, 9])
  })

  test('of equal scores the older token leaves', () => {
    expect(lowest([3, 5, 8, 9], [1, 1, 1, 1], 3)).toEqual([3, 5, 8])
    expect(lowest([3, 5, 8, 9], [0, -0, 0, -0], 2)).toEqual([3, 5])
    expect(lowest([3, 5, 8, 9], [2, -Infinity, -Infinity, 1], 1)).toEqual([5])
  })

  test('positions are compared as numbers', () => {
    expect(lowest([9, 10, 100], [1, 1, 1], 3)).toEqual([9, 10, 100])
  })

  test("a policy's mistake is an error, not a silent choice", () => {
    expect(() => lowest([1, 2, 3], [1, NaN, 2], 1)).toThrow('position 2 has no score')
    expect(() => lowest([1, 2, 3], [1, 2], 1)).toThrow('2 scores for 3')
    expect(() => lowest([1, 2], [1, 2], 3)).toThrow('3 of 2')
  })

  test('whoever stays beats everyone who leaves', () => {
    const cells = fc.array(fc.constantFrom(-Infinity, -1, 0, 0.5, 1, 2, Infinity), { maxLength: 60 })
    fc.assert(
      fc.property(cells, fc.nat(60), fc.integer({ min: 1, max: 7 }), (scores, wanted, step) => {
        const positions = scores.map((_, i) => i * step)
        const count = Math.min(wanted, scores.length)
        const leaving = lowest(positions, scores, count)
        expect(leaving).toHaveLength(count)
        expect(leaving).toEqual(leaving.toSorted((a, b) => a - b))
        const gone = new Set(leaving)
        positions.forEach((stays, i) => {
          if (gone.has(stays)) return
          positions.forEach((leaves, j) => {
            if (gone.has(leaves))
              expect(scores[j]! < scores[i]! || (scores[j] === scores[i] && leaves < stays)).toBe(true)
          })
        })
      }),
    )
  })
})
