import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import {
  bits,
  constantGradient,
  difference,
  optimizer,
  randomBatch,
  randomLayers,
  referenceForward,
  referenceGradient,
  referenceLoss,
  shape,
} from '../../test/support/dense-reference.ts'
import { createTrainer, gradientsOf, library, withoutMomentum } from '../../test/support/dense-trainers.ts'
import { MatrixGraph } from './matrix-graph.ts'

describe('outputs', () => {
  test('are those of the formula, and of the graph that the predictor runs on', () => {
    const random = mulberry32(1)
    const layers = randomLayers([32, 48, 16, 2], random)
    const batch = randomBatch(77, 32, random, 2)
    const outputs = createTrainer(layers, { blockRows: 32 }).forward(batch.states, 77)
    const expected = referenceForward(
      layers,
      layers.map((layer) => layer.weights),
      batch,
    ).at(-1)!
    expect(difference([outputs], [expected])).toBeLessThan(1e-6)
    using graph = MatrixGraph.create(library, layers, { threads: 1 })
    expect(difference([outputs], [graph.run(Float32Array.from(batch.inputs), 77)])).toBeLessThan(1e-6)
  })

  test('of no rows are none', () => {
    expect(createTrainer(randomLayers(shape, mulberry32(1))).forward(new Uint16Array(0), 0)).toHaveLength(0)
  })
})

describe('the gradient', () => {
  test('of every weight is the slope of the loss', () => {
    const random = mulberry32(2)
    const layers = randomLayers(shape, random)
    const batch = randomBatch(9, 6, random)
    const trainer = createTrainer(layers, { optimizer: withoutMomentum })
    trainer.accumulate(batch.states, 9, batch.gradientOf)
    const step = 1e-5
    const slopes = layers.map((layer, l) =>
      Float64Array.from(layer.weights, (_, i) => {
        const [up, down] = [step, -step].map((change) => {
          const weights = layers.map(({ weights: all }) => Float64Array.from(all))
          weights[l]![i]! += change
          return referenceLoss(layers, weights, batch)
        })
        return (up! - down!) / (2 * step)
      }),
    )
    expect(difference(gradientsOf(trainer), slopes)).toBeLessThan(1e-5)
  })

  test.each([
    { sizes: shape, rows: 100 },
    { sizes: [32, 64, 16, 1], rows: 100 },
    { sizes: [16, 32, 48, 32, 3], rows: 50 },
    { sizes: [7, 2], rows: 33 },
  ])('of $sizes over blocks of any sizes is that of the formula', ({ sizes, rows }) => {
    const random = mulberry32(3)
    const layers = randomLayers(sizes, random)
    const weights = layers.map((layer) => layer.weights)
    const batch = randomBatch(rows, sizes[0]!, random, sizes.at(-1))
    const expected = referenceGradient(layers, weights, batch)
    for (const blockRows of [1, 32, 48, 512]) {
      const trainer = createTrainer(layers, { optimizer: withoutMomentum, blockRows })
      trainer.accumulate(batch.states, rows, batch.gradientOf)
      expect(difference(gradientsOf(trainer), expected)).toBeLessThan(2e-6)
    }
  })

  test('of several calls adds up, and is asked for block by block', () => {
    const random = mulberry32(4)
    const layers = randomLayers(shape, random)
    const batch = randomBatch(40, 6, random)
    const trainer = createTrainer(layers, { optimizer: withoutMomentum, blockRows: 16 })
    const blocks: [number, number][] = []
    for (const calls of [1, 2]) {
      for (let call = 0; call < calls; call++) {
        trainer.accumulate(batch.states, 40, (outputs, from) => {
          blocks.push([from, outputs.length])
          return batch.gradientOf(outputs, from)
        })
      }
      const expected = referenceGradient(
        layers,
        layers.map((layer) => layer.weights),
        batch,
      )
      expect(
        difference(
          gradientsOf(trainer),
          expected.map((gradient) => gradient.map((value) => value * calls)),
        ),
      ).toBeLessThan(1e-6)
    }
    const once = [
      [0, 16],
      [16, 16],
      [32, 8],
    ]
    expect(blocks).toEqual([...once, ...once, ...once])
  })

  test('of calls of different lengths is that of each', () => {
    const random = mulberry32(14)
    const layers = randomLayers([32, 64, 16, 1], random)
    const weights = layers.map((layer) => layer.weights)
    const trainer = createTrainer(layers, { optimizer: withoutMomentum, blockRows: 64 })
    for (const rows of [5, 64, 33, 130, 5, 48, 100]) {
      const batch = randomBatch(rows, 32, random)
      trainer.accumulate(batch.states, rows, batch.gradientOf)
      expect(difference(gradientsOf(trainer), referenceGradient(layers, weights, batch))).toBeLessThan(2e-6)
    }
  })

  test('is not touched by what an earlier, longer block left in the padding', () => {
    const random = mulberry32(5)
    const layers = randomLayers(shape, random)
    const [large, small] = [randomBatch(16, 6, random), randomBatch(3, 6, random)]
    large.states.fill(0x7c00)
    const trainer = createTrainer(layers, { optimizer: withoutMomentum })
    trainer.accumulate(large.states, 16, constantGradient(1e30))
    trainer.restore(trainer.state())
    trainer.accumulate(small.states, 3, small.gradientOf)
    const fresh = createTrainer(layers, { optimizer: withoutMomentum })
    fresh.accumulate(small.states, 3, small.gradientOf)
    expect(bits(gradientsOf(trainer))).toEqual(bits(gradientsOf(fresh)))
  })
})

describe('a step of AdamW', () => {
  test.each([
    { clip: 0.5, expected: 7 },
    { clip: 8, expected: 4 },
    { clip: Infinity, expected: 0 },
  ])('follows the formula over several steps, $expected of 8 clipped at $clip', ({ clip, expected }) => {
    const random = mulberry32(6)
    const layers = randomLayers(shape, random)
    const trainer = createTrainer(layers, { optimizer: { ...optimizer, weightDecay: 0.1 } })
    const weights = layers.map((layer) => Float64Array.from(layer.weights))
    const m = weights.map((array) => new Float64Array(array.length))
    const v = weights.map((array) => new Float64Array(array.length))
    let clipped = 0
    for (let t = 1; t <= 8; t++) {
      const batch = randomBatch(12, 6, random)
      // Loss of different size from step to step, so that some steps are clipped and others not.
      batch.importance.forEach((value, i) => (batch.importance[i] = value * (t % 2 ? 0.05 : 1)))
      const learningRate = 0.01 / t
      trainer.accumulate(batch.states, 12, batch.gradientOf)
      const { gradientNorm } = trainer.step({ learningRate, clip })
      const gradients = referenceGradient(layers, weights, batch)
      const norm = Math.hypot(...gradients.flatMap((gradient) => Array.from(gradient)))
      expect(Math.abs(gradientNorm / norm - 1)).toBeLessThan(1e-5)
      if (norm > clip) clipped++
      for (const [l, w] of weights.entries()) {
        for (let i = 0; i < w.length; i++) {
          const g = gradients[l]![i]! * Math.min(1, clip / norm)
          m[l]![i] = 0.9 * m[l]![i]! + 0.1 * g
          v[l]![i] = 0.95 * v[l]![i]! + 0.05 * g * g
          const [mh, vh] = [m[l]![i]! / (1 - 0.9 ** t), v[l]![i]! / (1 - 0.95 ** t)]
          w[i] = w[i]! * (1 - learningRate * 0.1) - (learningRate * mh) / (Math.sqrt(vh) + 1e-8)
        }
      }
      expect(difference(trainer.weights(), weights)).toBeLessThan(2e-5)
    }
    expect(clipped).toBe(expected)
    expect(difference(trainer.state().m, m)).toBeLessThan(1e-4)
    expect(difference(trainer.state().v, v)).toBeLessThan(1e-4)
    // The step has dropped its gradients.
    expect(trainer.step({ learningRate: 0, clip: 1 }).gradientNorm).toBe(0)
  })

  test('on gradients that are not finite changes nothing, and says so', () => {
    const random = mulberry32(7)
    const trainer = createTrainer(randomLayers(shape, random))
    const batch = randomBatch(5, 6, random)
    const train = (gradientOf = batch.gradientOf) => {
      trainer.accumulate(batch.states, 5, gradientOf)
      return trainer.step({ learningRate: 0.01, clip: 1 }).gradientNorm
    }
    train()
    const before = trainer.state()
    expect(train(constantGradient(NaN))).toBeNaN()
    expect(trainer.state()).toEqual(before)
    expect(train()).toBeGreaterThan(0)
    expect(trainer.state().steps).toBe(2)
  })

  test('lowers the loss', () => {
    const random = mulberry32(8)
    const layers = randomLayers(shape, random)
    const batch = randomBatch(20, 6, random)
    const trainer = createTrainer(layers)
    const loss = () => referenceLoss(layers, trainer.weights(), batch)
    const before = loss()
    for (let i = 0; i < 100; i++) {
      trainer.accumulate(batch.states, 20, batch.gradientOf)
      trainer.step({ learningRate: 0.02, clip: 1 })
    }
    expect(loss()).toBeLessThan(before / 2)
  })
})
