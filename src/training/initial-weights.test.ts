import { expect, test } from 'vitest'
import { initialWeights, predictorSizes } from './initial-weights.ts'

test('the paper’s shape', () => {
  expect(predictorSizes(3584)).toEqual([3584, 7168, 1792, 1])
  expect(predictorSizes(1)).toEqual([1, 2, 1, 1])
})

test('weights are determined by the seed and fill the range that their inputs allow', () => {
  const matrices = initialWeights([16, 32, 8, 1], 5)
  expect(initialWeights([16, 32, 8, 1], 5)).toEqual(matrices)
  expect(initialWeights([16, 32, 8, 1], 6)).not.toEqual(matrices)
  for (const { rows, columns, weights } of matrices) {
    expect(weights).toHaveLength(rows * columns)
    const largest = Math.max(...weights.map(Math.abs))
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(columns))
    expect(largest).toBeGreaterThan(0.5 / Math.sqrt(columns))
  }
})

test('the scores that they give differ between states', () => {
  const matrices = initialWeights(predictorSizes(64), 1)
  const softplus = (x: number) => Math.log1p(Math.exp(x))
  const scores = Array.from({ length: 20 }, (_, i) => {
    const state = Array.from({ length: 64 }, (_, j) => Math.sin(3 * i + 5 * j * j))
    const product = (values: number[], { rows, columns, weights }: (typeof matrices)[number]) =>
      Array.from({ length: rows }, (_, r) =>
        softplus(values.reduce((sum, value, c) => sum + value * weights[r * columns + c]!, 0)),
      )
    return matrices.reduce(product, state)[0]!
  })
  expect(Math.max(...scores) - Math.min(...scores)).toBeGreaterThan(0.01)
})
