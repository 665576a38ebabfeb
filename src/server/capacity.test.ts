import fc from 'fast-check'
import { expect, test } from 'vitest'
import { qwen7b as info } from './capacity.fake.ts'
import { fittingSlots, largestBudget, needOf } from './capacity.ts'

test('a cell of the 7B shape takes 56 KiB, and a slot its cells', () => {
  const one = needOf(info, { slots: 1, cells: 4096, kvType: 'f16' })
  expect(one.cacheBytes).toBe(4096 * 56 * 1024)
  expect(needOf(info, { slots: 8, cells: 4096, kvType: 'f16' }).cacheBytes).toBe(8 * one.cacheBytes)
  expect(one.bytes).toBe(one.weightBytes + one.cacheBytes + one.otherBytes)
})

test('what fits, fits, and one more does not', () => {
  const cells = fc.integer({ min: 1, max: 20_000 })
  const bytes = fc.integer({ min: 1e9, max: 64e9 })
  fc.assert(
    fc.property(
      cells,
      fc.integer({ min: 1, max: 64 }),
      bytes,
      fc.constantFrom('f16' as const, 'q8_0' as const),
      (most, slots, memory, kvType) => {
        const fitting = fittingSlots(info, { cells: most, kvType }, memory)
        const taken = (count: number) => needOf(info, { slots: count, cells: most, kvType }).bytes
        if (fitting > 0) expect(taken(fitting)).toBeLessThanOrEqual(memory)
        expect(taken(fitting + 1)).toBeGreaterThan(memory)
        const budget = largestBudget(info, { slots, kvType, most }, memory)
        const takenBy = (size: number) => needOf(info, { slots, cells: size, kvType }).bytes
        if (budget !== undefined) expect(takenBy(budget)).toBeLessThanOrEqual(memory)
        if (budget !== most) expect(takenBy((budget ?? 0) + 1)).toBeGreaterThan(memory)
      },
    ),
  )
})
