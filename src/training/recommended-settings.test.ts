import { describe, expect, test } from 'vitest'
import { bestOf, candidateBudgets, isSurelyBetter, recommendPoint, type HeldOutLosses } from './recommended-settings.ts'

/** Eight traces whose losses are `mean` give or take little, the same for everyone. */
const lossesAround = (mean: number) =>
  Array.from({ length: 8 }, (_, i) => ({ item: `t${i}`, sample: 0, loss: mean + 0.1 * i }))
const at = (budget: number) => ({ budget, localWindow: 20, ratio: 0.4 })
const measured = (policy: string, budget: number, mean: number): HeldOutLosses => ({
  ...{ policy, point: at(budget), losses: lossesAround(mean) },
})
const recommended = (all: readonly HeldOutLosses[]) =>
  recommendPoint(all, [300, 200, 100].map(at), [{ policy: 'dynts' }, { policy: 'dynts-diverse' }])
const full: HeldOutLosses = { policy: 'full', point: null, losses: lossesAround(1) }

describe('budgets to try', () => {
  test('a quarter, a third and a half of the median thinking behind the median prompt, in steps of 16', () => {
    const traces = [100, 900, 1200].map((thinkingTokens) => ({ promptTokens: 50, thinkingTokens }))
    // 50 + 225, 50 + 300, 50 + 450
    expect(candidateBudgets(traces)).toEqual([
      { budget: 288, localWindow: 56 },
      { budget: 352, localWindow: 75 },
      { budget: 512, localWindow: 112 },
    ])
  })

  test('none for thinking that is as short as an answer, and none without traces', () => {
    expect(candidateBudgets([{ promptTokens: 50, thinkingTokens: 12 }])).toEqual([])
    expect(candidateBudgets([])).toEqual([])
  })
})

describe('the recommended budget', () => {
  test('is the smallest that loses at most 0.02 nats to the full cache', () => {
    const all = [full, measured('dynts', 100, 1.2), measured('dynts', 200, 1.015), measured('dynts', 300, 1)]
    expect(recommended(all)).toEqual({ policy: 'dynts', ...at(200) })
  })

  test('is the largest if all lose more', () => {
    const all = [full, measured('dynts', 100, 1.3), measured('dynts', 200, 1.2), measured('dynts', 300, 1.1)]
    expect(recommended(all)).toEqual({ policy: 'dynts', ...at(300) })
  })

  test('is with diversity where that is better beyond chance, and nowhere else', () => {
    const all = [full, measured('dynts', 100, 1.2), measured('dynts-diverse', 100, 1.01)]
    expect(recommended(all)).toEqual({ policy: 'dynts-diverse', ...at(100) })
    const chance = lossesAround(1.2).map((one, i) => ({ ...one, loss: one.loss + (i % 2 === 0 ? 0.3 : -0.35) }))
    const level = [full, measured('dynts', 100, 1.2), { ...measured('dynts-diverse', 100, 1.2), losses: chance }]
    expect(recommended(level)).toEqual({ policy: 'dynts', ...at(100) })
  })

  test('is none where nothing was measured', () => {
    expect(recommended([full])).toBeUndefined()
  })
})

test('another weight is taken where it is better beyond chance, the best of them if several are', () => {
  const weighing = (diversity: number, mean: number, losses = lossesAround(mean)): HeldOutLosses => {
    return { policy: 'dynts-diverse', diversity, point: at(100), losses }
  }
  const under = (diversity: number) => ({ policy: 'dynts-diverse', diversity, ...at(100) })
  const best = (all: readonly HeldOutLosses[]) => bestOf(all, under(0.3), [under(0.1), under(1)])
  expect(best([weighing(0.3, 1.2), weighing(0.1, 1.1), weighing(1, 1.15)])).toEqual(under(0.1))
  expect(best([weighing(0.3, 1.2), weighing(0.1, 1.15), weighing(1, 1.1)])).toEqual(under(1))
  const chance = lossesAround(1.2).map((one, i) => ({ ...one, loss: one.loss + (i % 2 === 0 ? 0.3 : -0.35) }))
  expect(best([weighing(0.3, 1.2), weighing(0.1, 1.2, chance), weighing(1, 1.3)])).toEqual(under(0.3))
  expect(best([weighing(0.3, 1.2)])).toEqual(under(0.3))
})

test('four traces are too few to tell anything, and none in common tell nothing', () => {
  const four = (mean: number) => lossesAround(mean).slice(0, 4)
  expect(isSurelyBetter(lossesAround(1), lossesAround(2))).toBe(true)
  expect(isSurelyBetter(lossesAround(2), lossesAround(1))).toBe(false)
  expect(isSurelyBetter(four(1), four(2))).toBe(false)
  expect(isSurelyBetter(lossesAround(1).slice(0, 4), lossesAround(2).slice(4))).toBe(false)
})
