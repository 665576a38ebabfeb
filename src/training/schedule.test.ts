import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchOf, derivedSeed, learningRateAt, planBatches, shuffled } from './schedule.ts'

const paper = { epochs: 15, batch: 256, leastSteps: 400 }

describe('batches', () => {
  test('the paper’s number of traces keeps the paper’s batch', () => {
    expect(planBatches(7100, paper)).toEqual({ batch: 254, stepsPerEpoch: 28, steps: 420, shrunk: false })
  })

  test('fewer traces get a smaller batch, and enough steps', () => {
    expect(planBatches(659, paper)).toEqual({ batch: 25, stepsPerEpoch: 27, steps: 405, shrunk: true })
    expect(planBatches(20, paper)).toEqual({ batch: 1, stepsPerEpoch: 20, steps: 300, shrunk: true })
  })

  test('each step has a batch no larger than asked for, and an epoch sees every trace once', () => {
    const numbers = fc.record({
      epochs: fc.integer({ min: 1, max: 30 }),
      batch: fc.integer({ min: 1, max: 300 }),
      leastSteps: fc.integer({ min: 1, max: 500 }),
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), numbers, (traces, settings) => {
        const plan = planBatches(traces, settings)
        const items = Array.from({ length: traces }, (_, i) => i)
        const batches = Array.from({ length: plan.stepsPerEpoch }, (_, step) =>
          batchOf(items, step, plan.stepsPerEpoch),
        )
        expect(batches.flat()).toEqual(items)
        const sizes = batches.map((batch) => batch.length)
        expect(Math.min(...sizes)).toBeGreaterThan(0)
        expect(Math.max(...sizes)).toBe(plan.batch)
        expect(plan.batch).toBeLessThanOrEqual(settings.batch)
        // Enough steps, or as many as there can be.
        expect(plan.steps >= settings.leastSteps || plan.batch === 1).toBe(true)
      }),
    )
  })
})

describe('learning rate', () => {
  const settings = { learningRate: 5e-4, warmup: 0.1 }
  const rates = Array.from({ length: 420 }, (_, step) => learningRateAt(step, 420, settings))

  test('rises linearly for a tenth of the steps', () => {
    expect(rates[0]).toBeCloseTo(5e-4 / 42, 12)
    expect(rates[20]).toBeCloseTo((5e-4 * 21) / 42, 12)
    expect(rates[41]).toBeCloseTo(5e-4, 12)
  })

  test('then falls along a cosine to nearly nothing', () => {
    expect(rates[42]).toBeCloseTo(5e-4, 12)
    expect(rates[42 + 189]).toBeCloseTo(2.5e-4, 12)
    expect(rates[419]).toBeGreaterThan(0)
    expect(rates[419]).toBeLessThan(1e-8)
  })

  test('without warm-up it begins at its highest', () => {
    expect(learningRateAt(0, 10, { learningRate: 1, warmup: 0 })).toBe(1)
    expect(learningRateAt(0, 1, settings)).toBe(5e-4)
  })
})

test('shuffling loses nothing, is determined by the seed, and differs between seeds', () => {
  const items = Array.from({ length: 100 }, (_, i) => i)
  const once = shuffled(items, derivedSeed(7, 1))
  expect(shuffled(items, derivedSeed(7, 1))).toEqual(once)
  expect(shuffled(items, derivedSeed(7, 2))).not.toEqual(once)
  expect([...once].sort((a, b) => a - b)).toEqual(items)
})

test('seeds of neighbouring numbers share nothing', () => {
  const seeds = new Set<number>()
  for (let seed = 0; seed < 10; seed++)
    for (let i = 0; i < 10; i++) for (let j = 0; j < 10; j++) seeds.add(derivedSeed(seed, i, j))
  expect(seeds.size).toBe(1000)
})
