import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planEviction } from '../cache/budget.ts'
import { CellKind } from '../cache/windows.ts'
import type { Protection } from '../cache/windows.ts'
import { checkPolicyFits, selectLeaving } from './select.ts'

const { prompt, thinking, answer } = CellKind
const settings = { budget: 12, localWindow: 3, ratio: 0.5 }
const plan = planEviction(settings, 3) // W_s 6, K 3
const protection: Protection = { question: true, localWindow: true, answer: true }
const held = Int32Array.from({ length: 12 }, (_, i) => i * 2)

function select(thinkingCells: number, score: (candidates: Int32Array) => Float32Array, wanted = protection) {
  const kinds = Uint8Array.from({ length: 12 }, (_, i) => (i < 3 ? prompt : i < 3 + thinkingCells ? thinking : answer))
  return selectLeaving({ held, kinds, plan, localWindow: 3, protection: wanted, score })
}

function never(): Float32Array {
  throw new Error('nothing to score')
}

describe('selectLeaving', () => {
  test('the K lowest candidates leave', () => {
    const selection = select(9, () => Float32Array.of(5, 1, 4, 0, 3, 2))
    expect([...selection.candidates]).toEqual([6, 8, 10, 12, 14, 16])
    expect([...selection.scores]).toEqual([5, 1, 4, 0, 3, 2])
    expect([...selection.leaving]).toEqual([8, 12, 16])
    expect(selection.degraded).toBe(false)
  })

  test('exactly K candidates are enough', () => {
    const selection = select(3, () => Float32Array.of(5, 1, 4))
    expect([...selection.leaving]).toEqual([6, 8, 10])
    expect(selection.degraded).toBe(false)
  })

  test('too few candidates: all of them, then the oldest answer cells', () => {
    const selection = select(2, () => Float32Array.of(5, 1))
    expect([...selection.leaving]).toEqual([6, 8, 10])
    expect(selection.degraded).toBe(true)
  })

  test('no candidates: only answer cells leave and the policy is not asked', () => {
    const selection = select(0, never)
    expect([...selection.leaving]).toEqual([6, 8, 10])
    expect(selection).toMatchObject({ degraded: true, candidates: new Int32Array(), scores: new Float32Array() })
  })

  describe('with a reserve', () => {
    const scores = [5, 1, 4, 0, 3, 2]
    const ranges = [1, 9, 2, 8, 7, 3]
    function leaving(cells: number, thinkingCells = 9): number[] {
      const kinds = Uint8Array.from({ length: 12 }, (_, i) =>
        i < 3 ? prompt : i < 3 + thinkingCells ? thinking : answer,
      )
      const reserve = { cells, score: (some: Int32Array) => Float32Array.from(ranges.slice(0, some.length)) }
      const score = (some: Int32Array) => Float32Array.from(scores.slice(0, some.length))
      return [...selectLeaving({ held, kinds, plan, localWindow: 3, protection, reserve, score }).leaving]
    }

    test('cells that would leave stay for what the reserve says', () => {
      expect(leaving(0)).toEqual([8, 12, 16])
      // 8 stays.
      expect(leaving(1)).toEqual([12, 14, 16])
      expect(leaving(2)).toEqual([10, 14, 16])
    })

    test('of a reserve that is larger than what stays, the largest stay', () => {
      expect(leaving(3)).toEqual([6, 10, 16])
      expect(leaving(99)).toEqual([6, 10, 16])
    })

    test('where all candidates leave, nobody is asked', () => {
      expect(leaving(2, 3)).toEqual([6, 8, 10])
      expect(leaving(2, 2)).toEqual([6, 8, 10])
    })

    test('together with segments, as by hand', () => {
      const cell = fc.record({ score: fc.integer({ min: -5, max: 5 }), range: fc.integer({ min: 0, max: 5 }) })
      const input = fc.record({
        cells: fc.array(cell, { minLength: 6, maxLength: 40 }),
        reserved: fc.nat(40),
        segments: fc.integer({ min: 1, max: 6 }),
        ratio: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      fc.assert(
        fc.property(input, ({ cells, reserved, segments, ratio }) => {
          const all = Int32Array.from(cells, (_, i) => 3 * i)
          const wide = planEviction({ budget: all.length, localWindow: 2, ratio }, 1)
          const { leaving, candidates } = selectLeaving({
            held: all,
            kinds: Uint8Array.from(cells, (_, i) => (i < 1 ? prompt : thinking)),
            plan: wide,
            localWindow: 2,
            protection,
            segments,
            reserve: { cells: reserved, score: (some) => Float32Array.from(some, (p) => cells[p / 3]!.range) },
            score: (some) => Float32Array.from(some, (p) => cells[p / 3]!.score),
          })
          const by = (value: (p: number) => number) => (a: number, b: number) => value(b) - value(a) || b - a
          const byRange = [...candidates].sort(by((p) => cells[p / 3]!.range))
          const stays = new Set(byRange.slice(0, reserved))
          const free = [...candidates].filter((p) => !stays.has(p))
          const shared = Math.floor((free.length - wide.leaving) / 2 / segments)
          if (segments > 1 && shared > 0) {
            const bounds = Array.from({ length: segments + 1 }, (_, i) => Math.floor((i * free.length) / segments))
            for (const [i, end] of bounds.slice(1).entries()) {
              const own = free.slice(bounds[i], end).sort(by((p) => cells[p / 3]!.score))
              for (const p of own.slice(0, shared)) stays.add(p)
            }
          }
          const byScore = free.filter((p) => !stays.has(p)).sort(by((p) => cells[p / 3]!.score))
          const expected = free.length < wide.leaving ? byRange.slice(-wide.leaving) : byScore.slice(-wide.leaving)
          expect([...leaving]).toEqual(expected.sort((a, b) => a - b))
        }),
      )
    })
  })

  test('a protection that leaves too few cells is refused', () => {
    const sinks = { ...protection, sinks: 13 }
    expect(() => select(9, never, sinks)).toThrow(expect.objectContaining({ code: 'policy_does_not_fit' }))
  })
})

describe('checkPolicyFits', () => {
  const unprotected = { question: false, localWindow: false, answer: false }
  test.each([
    [
      { ...unprotected, sinks: 8 },
      { ...unprotected, sinks: 9 },
    ],
    [
      { ...protection, sinks: 6 },
      { ...protection, sinks: 7 },
    ],
    [protection, { ...protection, sinks: 1000 }],
  ])('%o fits, %o does not', (fits, doesNot) => {
    expect(() => checkPolicyFits(settings, plan, fits)).not.toThrow()
    expect(() => checkPolicyFits(settings, plan, doesNot)).toThrow(
      expect.objectContaining({ code: 'policy_does_not_fit', message: expect.stringContaining('`sinks`') as string }),
    )
  })
})
