import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lowestOutsideQuota, lowestScored } from './top-k.ts'

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

describe('lowestOutsideQuota', () => {
  test('one segment would lose all its cells, and keeps its share of half of what stays', () => {
    // 8 cells in 2 segments, 4 stay: a half of them is 2, so each segment keeps 1, its best.
    const positions = Int32Array.of(1, 3, 5, 7, 9, 11, 13, 15)
    const scores = Float32Array.of(0, 3, 1, 2, 9, 8, 7, 6)
    expect([...lowestScored(positions, scores, 4)]).toEqual([1, 3, 5, 7])
    expect([...lowestOutsideQuota(positions, scores, 4, 2)]).toEqual([1, 5, 7, 15])
    // Too many segments for a share each: nothing changes.
    expect([...lowestOutsideQuota(positions, scores, 4, 8)]).toEqual([1, 3, 5, 7])
  })

  test('after evictions, too, segments have equally many cells, not equally many positions', () => {
    const positions = Int32Array.of(1, 50, 90, 92, 94, 96, 98, 99)
    const scores = Float32Array.of(0, 1, 5, 6, 9, 8, 7, 6.5)
    expect([...lowestOutsideQuota(positions, scores, 4, 2)]).toEqual([1, 50, 90, 99])
  })

  test('as many leave as without, every segment keeps its share, and of the rest the lowest leave', () => {
    const input = fc.record({
      scores: fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 60 }),
      segments: fc.integer({ min: 2, max: 10 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(input, ({ scores, segments, part }) => {
        const n = scores.length
        const count = Math.floor(part * n)
        const positions = Int32Array.from(scores, (_, i) => 3 * i)
        const gone = new Set(lowestOutsideQuota(positions, Float32Array.from(scores), count, segments))
        expect(gone.size).toBe(count)
        const share = Math.floor((n - count) / 2 / segments)
        const reserved = new Set<number>()
        for (let s = 0; s < segments; s++) {
          const own = [...positions.subarray(Math.floor((s * n) / segments), Math.floor(((s + 1) * n) / segments))]
          expect(own.filter((position) => !gone.has(position)).length).toBeGreaterThanOrEqual(share)
          // Its best; of equals the newer.
          const best = own.sort((a, b) => scores[b / 3]! - scores[a / 3]! || b - a).slice(0, share)
          for (const position of best) reserved.add(position)
        }
        for (const position of reserved) expect(gone.has(position)).toBe(false)
        const free = [...positions].filter((position) => !reserved.has(position))
        const lowest = free.sort((a, b) => scores[a / 3]! - scores[b / 3]! || a - b).slice(0, count)
        expect([...gone].sort((a, b) => a - b)).toEqual(lowest.sort((a, b) => a - b))
      }),
    )
  })
})
