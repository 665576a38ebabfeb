import { expect, test } from 'vitest'
import {
  evictionRatios,
  evictionSteps,
  livePoints,
  meanTokensPerSecond,
  tokensPerSecond,
  type MeasuredRun,
} from './live-run.ts'

const steps = 401
/** A step takes 10 ms with the full cache, 4 ms with the bounded one, and an eviction 16 ms more. */
const evictions = [100, 200, 300, 400]
const run = (cellsAt: (step: number) => number, msAt: (step: number) => number): MeasuredRun => {
  const times = [0]
  for (let step = 1; step < steps; step++) times.push((times[step - 1] ?? 0) + msAt(step))
  const cells = times.map((_, step) => cellsAt(step))
  return { promptTokens: 20, times, cells, sequences: 3, allocatedBytes: 4096 }
}
const full = run(
  (step) => 20 + step,
  () => 10,
)
const bounded = run(
  (step) => 20 + step - 90 * evictions.filter((one) => one <= step).length,
  (step) => (evictions.includes(step) ? 20 : 4),
)
const costs = {
  bytesOf: (cells: number) => 8 * Math.min(cells, 60) + 2 * cells,
  flopsOf: (cells: number) => 1000 + cells,
}

test('tokens of all sequences by the time that passed, evictions included', () => {
  expect(meanTokensPerSecond(full)).toBeCloseTo(3 * 100, 9)
  expect(meanTokensPerSecond(bounded)).toBeCloseTo((3 * 1000 * 400) / (396 * 4 + 4 * 20), 9)
  expect(tokensPerSecond(bounded, 100, 150)).toBeCloseTo(3 * 250, 9)
})

test('evictions are where cells left; each with its pause, and both caches beside each other', () => {
  expect(evictionSteps(full)).toEqual([])
  expect(evictionSteps(bounded)).toEqual(evictions)
  const ratios = evictionRatios(full, bounded, { full: costs, bounded: { ...costs, flopsOf: (cells) => 1010 + cells } })
  expect(ratios.map(({ step }) => step)).toEqual(evictions)
  expect(ratios[0]).toEqual({
    step: 100,
    pauseMs: 16,
    tokensPerSecond: expect.closeTo(2.5, 9) as unknown,
    cells: 30 / 120,
    flops: 1040 / 1120,
  })
  // The run ends before 50 steps have passed.
  expect(ratios[3]).toMatchObject({ step: 400, tokensPerSecond: null })
})

test('points are evenly spaced, and no more than asked for', () => {
  const points = livePoints(full, costs, 100)
  expect(points.length).toBeLessThanOrEqual(100)
  expect(points[0]).toEqual({
    step: 50,
    tokensPerSecond: expect.closeTo(300, 9) as unknown,
    usedBytes: 3 * (60 * 8 + 70 * 2),
    flops: 1070,
  })
  expect(new Set(points.slice(1).map(({ step }, i) => step - (points[i]?.step ?? 0)))).toEqual(new Set([4]))
  expect(livePoints({ ...full, times: [0, 1], cells: [20, 21] }, costs)).toEqual([])
})
