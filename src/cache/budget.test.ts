import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { mostPromptCells, planEviction, shareText, validateCacheSettings } from './budget.ts'
import type { CacheSettings } from './budget.ts'

const defaults: CacheSettings = { budget: 256, localWindow: 32, ratio: 0.5 }

function refusal(run: () => unknown): { code: string; message: string } {
  try {
    run()
  } catch (error) {
    if (error instanceof InputError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('planEviction', () => {
  test.each([
    // B, W_l, ratio, M, W_s, k, K
    [256, 32, 0.5, 141, 83, 41, 42],
    [181, 16, 0.2, 141, 24, 4, 20],
    [3000, 1500, 0.4, 0, 1500, 600, 900],
    [256, 32, 0, 141, 83, 0, 83],
    [256, 32, 1, 141, 83, 82, 1],
    [34, 32, 0.5, 1, 1, 0, 1],
  ])('B %d, W_l %d, ratio %d, M %d', (budget, localWindow, ratio, promptCells, selectionWindow, kept, leaving) => {
    const plan = planEviction({ budget, localWindow, ratio }, promptCells)
    expect(plan).toEqual({ promptCells, selectionWindow, kept, leaving })
  })

  test.each([
    // B, W_l, K, M, W_s, k
    [256, 32, 9, 141, 83, 74],
    [256, 32, 83, 141, 83, 0],
    [3000, 1500, 1, 0, 1500, 1499],
  ])('B %d, W_l %d, evict-every %d, M %d', (budget, localWindow, evictEvery, promptCells, selectionWindow, kept) => {
    const plan = planEviction({ budget, localWindow, evictEvery }, promptCells)
    expect(plan).toEqual({ promptCells, selectionWindow, kept, leaving: evictEvery })
  })

  test('a prompt beside which K cells cannot leave is refused, and the budget that the refusal names would do', () => {
    const settings = { budget: 256, localWindow: 32, evictEvery: 84 }
    expect(mostPromptCells(settings)).toBe(140)
    expect(planEviction(settings, 140).kept).toBe(0)
    const { code, message } = refusal(() => planEviction(settings, 141))
    expect(code).toBe('prompt_too_long')
    expect(message).toContain('of which 84 cells must be free to leave')
    const budget = Number(/`budget: (\d+)`/.exec(message)?.[1])
    expect(budget).toBe(257)
    expect(planEviction({ ...settings, budget }, 141).leaving).toBe(84)
  })

  test('at least one cell leaves, and the local window and the question always fit beside what is kept', () => {
    const settings = fc.record({
      localWindow: fc.integer({ min: 1, max: 5000 }),
      promptCells: fc.integer({ min: 1, max: 5000 }),
      selectionWindow: fc.integer({ min: 1, max: 5000 }),
      ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    fc.assert(
      fc.property(settings, ({ localWindow, promptCells, selectionWindow, ratio }) => {
        const plan = planEviction(
          { budget: promptCells + localWindow + selectionWindow, localWindow, ratio },
          promptCells,
        )
        expect(plan.selectionWindow).toBe(selectionWindow)
        expect(plan.leaving).toBeGreaterThanOrEqual(1)
        expect(plan.kept).toBeGreaterThanOrEqual(0)
        expect(plan.kept + plan.leaving).toBe(selectionWindow)
        expect(plan.kept).toBeLessThanOrEqual(ratio * selectionWindow)
      }),
    )
  })

  test('a prompt that is too long is refused, and the budget that the refusal names would do', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 2, max: 500 }), (localWindow, extra) => {
        const settings = { ...defaults, localWindow, budget: localWindow + extra }
        expect(planEviction(settings, extra - 1).selectionWindow).toBe(1)
        for (const promptCells of [extra, extra + 100]) {
          const { code, message } = refusal(() => planEviction(settings, promptCells))
          expect(code).toBe('prompt_too_long')
          const budget = Number(/`budget: (\d+)`/.exec(message)?.[1])
          expect(planEviction({ ...settings, budget }, promptCells).selectionWindow).toBe(1)
          expect(refusal(() => planEviction({ ...settings, budget: budget - 1 }, promptCells)).code).toMatch(
            /prompt_too_long|invalid_budget/,
          )
        }
      }),
    )
  })
})

describe('validateCacheSettings', () => {
  test.each([
    ['invalid_local_window', '`localWindow`', { localWindow: 0 }],
    ['invalid_local_window', '`localWindow`', { localWindow: 1.5 }],
    ['invalid_local_window', '`localWindow`', { localWindow: NaN }],
    ['invalid_budget', '`budget`', { budget: 33 }],
    ['invalid_budget', '`budget`', { budget: 100.5 }],
    ['invalid_budget', '`budget`', { budget: NaN }],
    ['invalid_budget', '`budget`', { budget: Infinity }],
    ['invalid_ratio', '`ratio`', { ratio: -0.1 }],
    ['invalid_ratio', '`ratio`', { ratio: 1.1 }],
    ['invalid_ratio', '`ratio`', { ratio: NaN }],
    ['invalid_ratio', '`ratio`', { ratio: undefined }],
    ['invalid_segments', '`segments`', { segments: 1 }],
    ['invalid_segments', '`segments`', { segments: 2.5 }],
    ['invalid_value_reserve', '`valueReserve`', { valueReserve: 0 }],
    ['invalid_value_reserve', '`valueReserve`', { valueReserve: 1 }],
    ['invalid_value_reserve', '`valueReserve`', { valueReserve: NaN }],
    ['invalid_evict_every', '`ratio` or `evictEvery`, not both', { evictEvery: 9 }],
    ['invalid_evict_every', '`evictEvery`', { ratio: undefined, evictEvery: 0 }],
    ['invalid_evict_every', '`evictEvery`', { ratio: undefined, evictEvery: 2.5 }],
    ['invalid_evict_every', '`evictEvery`', { ratio: undefined, evictEvery: NaN }],
    [
      'invalid_budget',
      'at least 257 (`localWindow`, here 32, plus `evictEvery` plus 1)',
      { ratio: undefined, evictEvery: 224 },
    ],
  ])('%s names %s: %o', (code, option, wrong) => {
    const error = refusal(() => validateCacheSettings({ ...defaults, ...wrong }))
    expect(error.code).toBe(code)
    expect(error.message).toContain(option)
    expect(refusal(() => planEviction({ ...defaults, ...wrong }, 10)).code).toBe(code)
  })

  test('the smallest budget passes', () => {
    expect(() => validateCacheSettings({ budget: 3, localWindow: 1, ratio: 0 })).not.toThrow()
    expect(() => validateCacheSettings({ budget: 6, localWindow: 1, evictEvery: 4 })).not.toThrow()
  })
})

test('how many leave, as the settings say it', () => {
  expect(shareText({ ratio: 0.5 })).toBe('ratio 0.5')
  expect(shareText({ evictEvery: 9 })).toBe('evict-every 9')
  expect(shareText({ evictEvery: 9, segments: 8 })).toBe('evict-every 9 segments 8')
  expect(shareText({ ratio: 0.5, segments: null, valueReserve: 0.25 })).toBe('ratio 0.5 value-reserve 0.25')
})
