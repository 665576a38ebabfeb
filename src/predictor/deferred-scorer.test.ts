import { expect, test } from 'vitest'
import { DeferredScorer, type BlockScorer } from './deferred-scorer.ts'

/** The score of a hidden state is the sum of its first two values. */
function fakePredictor(hiddenSize = 2): BlockScorer & { blocks: number[] } {
  const blocks: number[] = []
  return {
    blocks,
    hiddenSize,
    scores: (states, count) => {
      blocks.push(count)
      return Float32Array.from({ length: count }, (_, i) => states[hiddenSize * i]! + states[hiddenSize * i + 1]!)
    },
  }
}

test('nothing is scored before an eviction asks, then each token once, and each score belongs to its position', () => {
  const predictor = fakePredictor()
  const scorer = new DeferredScorer(predictor)
  for (let i = 0; i < 3000; i++) scorer.push(100 + i, Float32Array.of(i, 0.5))
  expect(predictor.blocks).toEqual([])
  const positions = Int32Array.of(3099, 100, 1500)
  expect([...scorer.scores(positions)]).toEqual([2999.5, 0.5, 1400.5])
  expect([...scorer.scores(positions)]).toEqual([2999.5, 0.5, 1400.5])
  expect(predictor.blocks).toEqual([3000])
})

test('hidden states never take more than 512 KiB', () => {
  const predictor = fakePredictor(512)
  const scorer = new DeferredScorer(predictor)
  const state = new Float32Array(512)
  for (let i = 0; i < 700; i++) {
    state[0] = i
    scorer.push(i, state)
  }
  expect(predictor.blocks).toEqual([256, 256])
  expect([...scorer.scores(Int32Array.of(0, 255, 256, 699))]).toEqual([0, 255, 256, 699])
  expect(predictor.blocks).toEqual([256, 256, 188])
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
