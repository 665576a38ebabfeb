import { expect, test } from 'vitest'
import { fitSeconds, forecastText, type FitWork } from './fit-forecast.ts'
import { mostReplays } from './held-out-replay.ts'

const work: FitWork = {
  ...{ shape: [4, 8, 2, 1], trainedTokens: 1000 },
  ...{ traces: 8, meanTokens: 500, replays: 19, parallel: 20 },
}

test('training takes as long as its floating-point operations at 70 % of a plain product', () => {
  // 32 + 16 + 2 weights: 2 operations forward, 2 for their gradients, 2 for the gradients of inputs but the first layer's.
  const operations = 1000 * (4 * 50 + 2 * 18)
  const { training } = fitSeconds(work, 1000, { secondsPerToken: 1, secondsPerStep: 1 })
  expect(training).toBeCloseTo(operations / 700)
})

test('a replay takes as many steps as a trace has tokens, each as long as reading the weights or computing takes', () => {
  const replay = (secondsPerToken: number, secondsPerStep: number, more: Partial<FitWork> = {}) =>
    fitSeconds({ ...work, ...more }, 1, { secondsPerToken, secondsPerStep }).replay
  expect(replay(0.001, 0.1)).toBeCloseTo(19 * 500 * 0.1)
  expect(replay(0.05, 0.1)).toBeCloseTo(19 * 500 * 8 * 0.05)
  // Two at a time: four times the steps.
  expect(replay(0.001, 0.1, { parallel: 2 })).toBeCloseTo(4 * 19 * 500 * 0.1)
  expect(replay(1, 1, { traces: 0 })).toBe(0)
})

test('counted are the replays that there are at most', () => {
  // Six policies in the middle, three at each other budget, one in small steps, two weights, and at the end the four that lack there.
  expect(mostReplays({})).toBe(6 + 2 * 3 + 1 + 2 + 4)
  expect(mostReplays({ policy: 'dynts' })).toBe(5 + 2 * 2 + 1 + 3)
  expect(mostReplays({ ratio: 0.5 })).toBe(6 + 2 * 3 + 2 + 2)
  expect(mostReplays({ budget: 500, ratio: 0.5, diversity: 1 })).toBe(6)
})

test('each step and the whole are told, what is over at once is not', () => {
  expect(forecastText(60, { training: 30, replay: 90 })).toBe(
    'Training then takes about 30 s, and replaying held-out traces at most about 1 min 30 s: about 3 min 0 s in all.',
  )
  expect(forecastText(60, { training: 30, replay: 0 })).toBe('Training then takes about 30 s: about 1 min 30 s in all.')
  expect(forecastText(2, { training: 3, replay: 4 })).toBeUndefined()
})
