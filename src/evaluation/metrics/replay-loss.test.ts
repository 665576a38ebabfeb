import { describe, expect, test } from 'vitest'
import { answerLoss, replayLoss, replayLossDifference } from './replay-loss.ts'

const replayed = (losses: Readonly<Record<string, number[]>>) =>
  Object.entries(losses).flatMap(([item, list]) => list.map((loss, sample) => ({ item, sample, loss })))

describe('answerLoss', () => {
  test('is the mean of the answer’s tokens alone', () => {
    expect(answerLoss([-9, -9, -0.5, -1, -1.5], 2)).toBeCloseTo(1, 12)
  })
  test.each([[3], [-1], [4]])('no answer from %d', (from) => {
    expect(() => answerLoss([-1, -1, -1], from)).toThrow(expect.objectContaining({ code: 'no_answer' }) as Error)
  })
})

describe('replayLoss', () => {
  test('is the mean over traces, then over items', () => {
    expect(replayLoss(replayed({ a: [1, 3], b: [5] })).mean).toBeCloseTo(3.5, 12)
  })

  test('the difference is paired by trace, and leaves out what only one has replayed', () => {
    const a = replayed({ x: [1, 2, 50], y: [3], z: [7] })
    const b = replayed({ x: [1.5, 2.5], y: [3.5] })
    expect(replayLossDifference(a, b)).toMatchObject({ mean: -0.5, items: 2 })
    expect(replayLossDifference(a, replayed({ other: [1] }))).toBeNull()
  })
})
