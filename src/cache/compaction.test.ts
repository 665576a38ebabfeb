import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planEviction } from './budget.ts'
import { compactionPays } from './compaction.ts'

const terms = (sequences: number) => ({ sequences, flashAttention: false, usesGpu: false })
const plan = (leaving: number) => ({ promptCells: 0, selectionWindow: 0, kept: 0, leaving })

test('never pays where attention would be as wide as before, whatever the numbers', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 3, max: 20_000 }),
      fc.nat(20_000),
      fc.integer({ min: 1, max: 64 }),
      (budget, k, n) => {
        const leaving = 1 + (k % (budget - 1))
        // Attention runs over whole blocks of 256 cells.
        const blocks = (cells: number) => Math.floor((cells + 255) / 256)
        if (blocks(budget - leaving) === blocks(budget))
          expect(compactionPays(budget, plan(leaving), terms(n))).toBe(false)
      },
    ),
  )
})

test('pays for the published settings of a sequence alone, and not for a few cells of a large cache', () => {
  const published = { budget: 5000, localWindow: 2000, ratio: 0.3 }
  expect(compactionPays(5000, planEviction(published, 150), terms(1))).toBe(true)
  expect(compactionPays(3000, planEviction({ budget: 3000, localWindow: 1500, ratio: 0.4 }, 150), terms(1))).toBe(true)
  expect(compactionPays(16_384, plan(16), terms(1))).toBe(false)
  expect(compactionPays(320, plan(1), terms(1))).toBe(false)
})

test('pays sooner with flash attention, where values are not stored transposed and a copy is cheap', () => {
  expect(compactionPays(2560, plan(260), { ...terms(1), flashAttention: true })).toBe(true)
  expect(compactionPays(2560, plan(260), terms(1))).toBe(false)
})

test('never pays on a GPU', () => {
  expect(compactionPays(2560, plan(2000), { ...terms(1), flashAttention: true })).toBe(true)
  expect(compactionPays(2560, plan(2000), { ...terms(1), flashAttention: true, usesGpu: true })).toBe(false)
})

test('once it pays it goes on paying as more cells leave, and as fewer sequences share the batch', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 300, max: 20_000 }),
      fc.nat(20_000),
      fc.integer({ min: 2, max: 64 }),
      (budget, k, n) => {
        const leaving = 1 + (k % (budget - 2))
        if (!compactionPays(budget, plan(leaving), terms(n))) return
        expect(compactionPays(budget, plan(leaving + 1), terms(n))).toBe(true)
        expect(compactionPays(budget, plan(leaving), terms(n - 1))).toBe(true)
      },
    ),
    { numRuns: 1000 },
  )
})
