import { expect, test } from 'vitest'
import { costTable } from './cost-table.ts'
import { shapeOfHeads } from './cost-shape.ts'
import { flopsPerCellOfRatio, publishedCosts } from './published-costs.ts'

/** d 4 and 2 layers: 32 operations and 32 bytes a cell, a predictor of 100 operations and 200 bytes. */
const small = shapeOfHeads(
  { name: 'small', hiddenSize: 4, layers: 2, queryHeads: 2, matrixElements: 1000, bitsPerWeight: 8 },
  'f16',
)
/** K 4: evictions at 11, 15, 19 tokens. */
const settings = { budget: 11, localWindow: 3, ratio: 1 / 3, promptCells: 2, textLength: 20, sequences: 2 }

test('each eviction, with the step before the first and the last of all', () => {
  const { plan, points, predictorFlops, predictorBytes } = costTable(small, settings)
  expect([plan.leaving, predictorFlops, predictorBytes]).toEqual([4, 100, 200])
  expect(points.map(({ tokens, evictions, evicts, cells }) => [tokens, evictions, evicts, cells.bounded])).toEqual([
    [10, 0, false, 10],
    [11, 1, true, 7],
    [15, 2, true, 7],
    [19, 3, true, 7],
    [20, 3, false, 8],
  ])
  const second = points[2]!
  expect(second.gain).toEqual({ paper: 2 * 4 * 32 - 100, counted: 2 * 4 * 32 - 100 })
  expect(second.flops).toEqual({ full: 2480, bounded: 2324, ratio: 2324 / 2480 })
  // The weights once; two sequences; a block of 4 tokens for each of them, or the predictor at each step for both.
  expect(second.bytes).toEqual({ full: 1960, bounded: 1548, ratio: 1548 / 1960 })
  expect(second.bytesAtOnce.bounded).toBe(1000 + 2 * 7 * 32 + 200)
  expect(second.ms).toBe(null)
})

test('milliseconds are bytes through the bandwidth', () => {
  const { points, generation } = costTable(small, { ...settings, bandwidth: 1000 })
  expect(points[2]!.ms).toMatchObject({ full: 1960, bounded: 1548 })
  expect(generation.seconds).toMatchObject({ full: generation.bytes.full / 1000 })
})

test('sums over a generation, and what is not scored if scoring waits', () => {
  const { generation } = costTable(small, { ...settings, sequences: 1 })
  const full = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]
  const bounded = [3, 4, 5, 6, 7, 8, 9, 10, 7, 8, 9, 10, 7, 8, 9, 10, 7, 8]
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  expect(generation.steps).toBe(18)
  expect(generation.flops).toMatchObject({ full: 18 * 2000 + 32 * sum(full), bounded: 18 * 2100 + 32 * sum(bounded) })
  // The last token comes after the last eviction.
  expect(generation.scoredTokens).toBe(17)
  expect(generation.flopsDeferred.bounded).toBe(generation.flops.bounded - 100)
  expect(generation.bytes.bounded).toBe(18 * 1000 + 32 * sum(bounded) + 3 * 200)
  expect(generation.bytesAtOnce.bounded).toBe(18 * 1000 + 32 * sum(bounded) + 18 * 200)
})

test('of layers with a window, cells beyond it cost nothing and save nothing', () => {
  const window = { cells: 8, flopsPerCell: 1000, bytesPerCell: 64 }
  const { points, generation, breakEven } = costTable({ ...small, window }, { ...settings, sequences: 1 })
  // 15 and 7 cells, of which 8 and 7 are seen.
  expect(points[2]!.flops).toMatchObject({ full: 2480 + 8000, bounded: 2324 + 7000 })
  expect(points[2]!.gain).toEqual({ paper: 156, counted: 156 + 1000 })
  expect(points[2]!.bytes.full).toBe(1000 + 15 * 32 + 8 * 64)
  expect(breakEven[0]!.counted).toBe(100 / 32)
  const plain = costTable(small, { ...settings, sequences: 1 }).generation
  const full = [3, 4, 5, 6, 7, ...Array.from({ length: 13 }, () => 8)].reduce((sum, one) => sum + one)
  const bounded = [3, 4, 5, 6, 7, 8, 8, 8, 7, 8, 8, 8, 7, 8, 8, 8, 7, 8].reduce((sum, one) => sum + one)
  expect(generation.flops.full).toBe(plain.flops.full + 1000 * full)
  expect(generation.flops.bounded).toBe(plain.flops.bounded + 1000 * bounded)
  expect(generation.bytesAtOnce.bounded).toBe(plain.bytesAtOnce.bounded + 64 * bounded)
})

test('K by the length of the prompt, as far as a prompt fits', () => {
  const { byPrompt } = costTable(small, settings)
  // W_s 8, 6 and 1; K = W_s - floor(W_s / 3); a gain needs n K > 3.125.
  expect(byPrompt).toEqual([
    { promptCells: 0, selectionWindow: 8, leaving: 6, firstGain: 1 },
    { promptCells: 2, selectionWindow: 6, leaving: 4, firstGain: 1 },
    { promptCells: 7, selectionWindow: 1, leaving: 1, firstGain: 4 },
  ])
})

test('a text that never fills the budget has no eviction, and a very long one a table of a few', () => {
  expect(costTable(small, { ...settings, textLength: 9 }).points.map(({ tokens }) => tokens)).toEqual([9])
  const { points } = costTable(small, { ...settings, textLength: 11 + 4 * 1000 })
  expect(points).toHaveLength(25)
  expect(points[1]!.tokens).toBe(11)
  expect(points.at(-1)).toMatchObject({ tokens: 4011, evictions: 1001, evicts: true })
})

test.each([
  ['r1-llama', '1.006', '1.005'],
  ['r1-qwen', '1.005', '1.003'],
] as const)('%s: before the first eviction the formula gives %s, the figure %s', (name, ours, printed) => {
  const { shape, settings: published, flopsBefore } = publishedCosts[name]
  const table = costTable(shapeOfHeads(shape, 'f16'), { ...published, promptCells: 0, textLength: 4999, sequences: 20 })
  const { layers, hiddenSize: d } = shape
  const full = 2 * shape.matrixElements + 4999 * 4 * layers * d
  const [{ evictions, flops } = expect.fail('no point')] = table.points
  expect([evictions, flops.full]).toEqual([0, full])
  expect(flops.ratio).toBe((full + 6 * d ** 2 + d) / full)
  expect([flops.ratio.toFixed(3), flopsBefore.toFixed(3)]).toEqual([ours, printed])
})

test('R1-Llama with the full cache at 15,000 tokens: 22.9 GFLOPs, where the figure shows about 34', () => {
  const { shape, settings: published } = publishedCosts['r1-llama']
  const long = { ...published, promptCells: 0, textLength: 15_000, sequences: 20 }
  const last = costTable(shapeOfHeads(shape, 'f16'), long).points.at(-1)!
  expect(last.tokens).toBe(15_000)
  // Of each layer d x d twice, keys and values, three times the feed-forward part; and the output matrix.
  const matrices = 32 * (2 * 4096 ** 2 + 2 * 4096 * 1024 + 3 * 4096 * 14_336) + 4096 * 128_256
  expect(last.flops.full).toBe(2 * matrices + 15_000 * 4 * 32 * 4096)
  expect((last.flops.full / 1e9).toFixed(1)).toBe('22.9')
})

test.each([
  ['r1-llama', '2.6', '2.7'],
  ['r1-qwen', '5.1', '5.3'],
] as const)('%s: printed ratios of operations do not follow from the formula', (name, least, most) => {
  const { shape: heads, settings: published, flopsRatios, cellRatios } = publishedCosts[name]
  const shape = shapeOfHeads(heads, 'f16')
  const table = costTable(shape, { ...published, promptCells: 0, textLength: 16_000, sequences: 20 })
  const evictions = table.points.filter(({ evicts }) => evicts)
  expect(evictions.map(({ cells }) => Number(cells.ratio.toFixed(2)))).toEqual(cellRatios)
  const factors = evictions.map(({ cells, flops }, j) => {
    expect(flops.ratio).toBeGreaterThan(flopsRatios[j]! + 0.05)
    const parts = { matrixFlops: 2 * shape.matrixElements, predictorFlops: table.predictorFlops }
    const perCell = flopsPerCellOfRatio(flopsRatios[j]!, cells, parts)
    // With that cost the formula gives the printed ratio.
    const ratioOf = (count: number) => parts.matrixFlops + count * perCell
    expect((ratioOf(cells.bounded) + parts.predictorFlops) / ratioOf(cells.full)).toBeCloseTo(flopsRatios[j]!, 10)
    return perCell / table.paperFlopsPerCell
  })
  expect([Math.min(...factors), Math.max(...factors)].map((factor) => factor.toFixed(1))).toEqual([least, most])
})
