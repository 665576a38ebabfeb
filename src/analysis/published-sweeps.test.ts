import { describe, expect, test } from 'vitest'
import { publishedCacheLength } from './published-cache-lengths.ts'
import { publishedBudgetSweep, publishedWindowSweep, type PublishedSweep } from './published-sweeps.ts'
import { publishedResult, publishedTasks } from './published-tables.ts'

const llama = 'DeepSeek-R1-Distill-Llama-8B'
const qwen = 'DeepSeek R1 Distill Qwen 7B'
const four = ['aime24', 'aime25', 'amc23', 'gpqa-diamond']
const accuracies = (sweep: PublishedSweep | undefined) => sweep!.points.map(({ accuracy }) => accuracy)

describe('the four tasks have the mean that the paper printed apart, rounded', () => {
  test.each([
    ['budgets', llama, publishedBudgetSweep, 8, 16, 6],
    ['budgets', qwen, publishedBudgetSweep, 8, 16, 6],
    ['windows and ratios', llama, publishedWindowSweep, 6, 17, 20],
    ['windows and ratios', qwen, publishedWindowSweep, 6, 17, 20],
  ] as const)('%s of %s', (_, model, sweepOf, meanFigure, taskFigure, settings) => {
    const mean = sweepOf(model, four.toReversed())!
    const tasks = four.map((task) => sweepOf(model, [task]))
    expect([mean.figure, ...tasks.map((one) => one!.figure)]).toEqual([meanFigure, ...four.map(() => taskFigure)])
    expect(mean.points).toHaveLength(settings)
    const named = mean.points.map((one) => `${one.budget} ${one.localWindow} ${one.ratio}`)
    expect(new Set(named).size).toBe(settings)
    for (const [i, value] of accuracies(mean).entries()) {
      const sum = tasks.reduce((total, one) => total + accuracies(one)[i]!, 0)
      expect(Math.abs(sum / 4 - value)).toBeLessThan(0.1)
    }
  })
})

test('at the published settings both sweeps are near Table 1', () => {
  for (const [model, ratio] of [
    [llama, 0.3],
    [qwen, 0.4],
  ] as const)
    for (const task of four) {
      const table = publishedResult(model, task, 'dynts')!.accuracy
      for (const sweepOf of [publishedBudgetSweep, publishedWindowSweep]) {
        const point = sweepOf(model, [task])!.points.find(
          (one) => one.budget === 5000 && one.localWindow === 2000 && one.ratio === ratio,
        )
        // GPQA-D of Llama contradicts itself by 1.0.
        expect(Math.abs(point!.accuracy - table)).toBeLessThan(1)
      }
    }
  expect(publishedWindowSweep(llama, ['gpqa-diamond'])!.remarks).toEqual([
    'B 5000, W_l 2000, ratio 0.3 is 46.3 in Table 1, 46.4 in Figure 16 and 45.4 in Figure 17',
  ])
})

test('what was read off or derived is told', () => {
  const aime24 = publishedBudgetSweep(llama, ['aime24'])!
  expect(aime24.points.map(({ tokensPerSecond }) => tokensPerSecond)).toEqual([600, null, null, null, null, 445])
  const aime25 = publishedBudgetSweep(llama, ['aime25'])!
  expect(aime25.points.every(({ tokensPerSecond }) => tokensPerSecond === null)).toBe(true)
  expect(aime25.remarks).toEqual(['that of B 3000 was not printed and follows from Figure 8'])
  expect(publishedWindowSweep(llama, ['aime25'])!.remarks).toEqual([])
})

test('a sweep is of one task or of all four, of the paper’s models alone', () => {
  expect(publishedBudgetSweep(llama, ['aime24', 'amc23'])).toBeUndefined()
  expect(publishedBudgetSweep(llama, [...four, 'math500'])).toBeUndefined()
  expect(publishedBudgetSweep(llama, ['math500'])).toBeUndefined()
  expect(publishedWindowSweep('a model', ['aime24'])).toBeUndefined()
  expect(publishedWindowSweep(qwen, four)!.problems).toEqual([30, 30, 40, 198])
})

test('cache lengths: their means are those of Figure 1, about 17,000 and 4,300', () => {
  const meanOf = (policy: string) => {
    const all = [llama, qwen].flatMap((model) =>
      publishedTasks.map(({ task }) => publishedCacheLength(model, task, policy) ?? NaN),
    )
    return all.reduce((sum, one) => sum + one) / all.length
  }
  expect(Math.abs(meanOf('full') - 17_000)).toBeLessThan(500)
  expect(Math.abs(meanOf('dynts') - (4 * 5000 + 2 * 3000) / 6)).toBeLessThan(50)
  // Those with a budget of 3000.
  expect(publishedCacheLength(qwen, 'gaokao2023en', 'dynts')).toBe(3000)
  expect(publishedCacheLength(llama, 'gpqa-diamond', 'dynts')).toBe(5000)
  expect(publishedCacheLength(llama, 'aime24', 'h2o')).toBeUndefined()
  expect(publishedCacheLength('a model', 'aime24', 'full')).toBeUndefined()
})
