import { expect, test } from 'vitest'
import { planEviction } from '../cache/budget.ts'
import {
  boundedCells,
  breakEvenLeaving,
  evictionPoints,
  evictionsUntil,
  firstGain,
  gainFlops,
  paperFlopsPerCell,
  predictorFlops,
  predictorWeights,
} from './cost-model.ts'

const llama = { hiddenSize: 4096, layers: 32 }
const qwen = { hiddenSize: 3584, layers: 28 }

test('the predictor’s operations and weights are those of its three matrices', () => {
  for (const { hiddenSize: d } of [llama, qwen]) {
    const weights = d * (2 * d) + 2 * d * (d / 2) + d / 2
    expect(predictorWeights(d)).toBe(weights)
    expect(predictorFlops(d)).toBe(2 * weights)
  }
  expect((predictorFlops(4096) / 1e6).toFixed(1)).toBe('100.7')
  expect((predictorFlops(3584) / 1e6).toFixed(1)).toBe('77.1')
})

test.each([
  ['R1-Llama', llama, '192.0', '96.0'],
  ['R1-Qwen', qwen, '192.0', '96.0'],
] as const)('Corollary 5.2 for %s', (_name, shape, first, second) => {
  const perCell = paperFlopsPerCell(shape)
  expect(perCell).toBe(4 * shape.layers * shape.hiddenSize)
  expect(breakEvenLeaving(1, perCell, shape.hiddenSize).toFixed(1)).toBe(first)
  expect(breakEvenLeaving(2, perCell, shape.hiddenSize).toFixed(1)).toBe(second)
  // At the break-even nothing is gained, above it something.
  const k = breakEvenLeaving(1, perCell, shape.hiddenSize)
  expect(Math.abs(gainFlops(1, k, perCell, shape.hiddenSize))).toBeLessThan(1)
  expect(firstGain(193, perCell, shape.hiddenSize)).toBe(1)
  expect(firstGain(192, perCell, shape.hiddenSize)).toBe(2)
  expect(firstGain(1, perCell, shape.hiddenSize)).toBe(193)
})

test('Theorem 5.1 at the first eviction of R1-Llama’s published run', () => {
  const gain = gainFlops(1, 2100, paperFlopsPerCell(llama), llama.hiddenSize)
  expect(gain).toBe(2100 * 4 * 32 * 4096 - 6 * 4096 ** 2 - 4096)
  expect((gain / 1e9).toFixed(3)).toBe('1.000')
})

test.each([
  [5000, 2000, 0.3, 2100, [5000, 7100, 9200, 11_300, 13_400, 15_500], [0.58, 0.41, 0.32, 0.26, 0.22, 0.19]],
  [
    ...[5000, 2000, 0.4, 1800],
    [5000, 6800, 8600, 10_400, 12_200, 14_000, 15_800],
    [0.64, 0.47, 0.37, 0.31, 0.26, 0.23, 0.2],
  ],
] as [number, number, number, number, number[], number[]][])(
  'evictions and cells at B %i, W_l %i, ratio %f',
  (budget, localWindow, ratio, leaving, points, ratios) => {
    expect(planEviction({ budget, localWindow, ratio }, 0).leaving).toBe(leaving)
    expect(evictionPoints(16_000, budget, leaving)).toEqual(points)
    expect(points.map((tokens) => Number((boundedCells(tokens, budget, leaving) / tokens).toFixed(2)))).toEqual(ratios)
    expect(points.map((tokens) => boundedCells(tokens - 1, budget, leaving))).toEqual(points.map(() => budget - 1))
  },
)

test('R1-Qwen’s smaller budget evicts 900', () => {
  expect(planEviction({ budget: 3000, localWindow: 1500, ratio: 0.4 }, 0).leaving).toBe(900)
})

test('the closed form counts what a loop counts', () => {
  for (const [budget, leaving] of [
    [7, 1],
    [11, 4],
    [30, 29],
  ] as const) {
    let [held, evictions] = [0, 0]
    for (let tokens = 1; tokens < 200; tokens++) {
      held++
      if (held === budget) {
        held -= leaving
        evictions++
      }
      expect([evictionsUntil(tokens, budget, leaving), boundedCells(tokens, budget, leaving)]).toEqual([
        evictions,
        held,
      ])
    }
  }
})
