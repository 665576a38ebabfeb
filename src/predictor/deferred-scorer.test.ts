import { expect, test } from 'vitest'
import { DeferredScorer, type BlockScorer } from './deferred-scorer.ts'

/** The score of a hidden state is its sum. */
function fakePredictor(): BlockScorer & { blocks: number[] } {
  const blocks: number[] = []
  return {
    blocks,
    hiddenSize: 2,
    scores: (states, count) => {
      blocks.push(count)
      return Float32Array.from({ length: count }, (_, i) => states[2 * i]! + states[2 * i + 1]!)
    },
  }
}

test('tokens are scored in blocks, and each score belongs to its position', () => {
  const predictor = fakePredictor()
  const scorer = new DeferredScorer(predictor)
  for (let i = 0; i < 3000; i++) scorer.push(100 + i, Float32Array.of(i, 0.5))
  const positions = Int32Array.of(3099, 100, 1500)
  expect([...scorer.scores(positions)]).toEqual([2999.5, 0.5, 1400.5])
  expect(Math.max(...predictor.blocks)).toBe(128)
  expect(predictor.blocks.reduce((a, b) => a + b)).toBe(3000)
  expect([...scorer.scores(positions)]).toEqual([2999.5, 0.5, 1400.5])
  expect(predictor.blocks.reduce((a, b) => a + b)).toBe(3000)
})

test('the hidden state is copied when it is pushed', () => {
  const scorer = new DeferredScorer(fakePredictor())
  const state = Float32Array.of(1, 2)
  scorer.push(5, state)
  state.fill(9)
  expect([...scorer.scores(Int32Array.of(5))]).toEqual([3])
})

test('a position without a hidden state is a bug that is not passed over', () => {
  const scorer = new DeferredScorer(fakePredictor())
  scorer.push(5, Float32Array.of(1, 2))
  expect(() => scorer.scores(Int32Array.of(5, 6))).toThrow('position 6')
})
