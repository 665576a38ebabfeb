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
