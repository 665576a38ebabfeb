import { expect, test } from 'vitest'
import { fakeProducts } from './products.fake.ts'
import { projectedSquares, randomProjection } from './random-projection.ts'

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length

test('the entries are normal, with a variance of one over the number of columns', () => {
  const columns = 20
  const { matrix } = randomProjection(4000, columns, 5, 0)
  const scaled = [...matrix].map((entry) => entry * Math.sqrt(columns))
  expect(scaled).toHaveLength(80_000)
  expect(mean(scaled)).toBeCloseTo(0, 1)
  expect(mean(scaled.map((entry) => entry ** 2))).toBeCloseTo(1, 1)
  expect(Math.abs(mean(scaled.map((entry) => entry ** 4)) - 3)).toBeLessThan(0.2)
  // 68.27 % within one deviation.
  expect(Math.abs(mean(scaled.map((entry) => (Math.abs(entry) < 1 ? 1 : 0))) - 0.6827)).toBeLessThan(0.01)
})

test('a length is kept on average over evictions', () => {
  const vectors = Float32Array.of(1, 2, 2, 0, 0, 4)
  const sums = [0, 0]
  const evictions = 2000
  for (let eviction = 0; eviction < evictions; eviction++) {
    const squares = projectedSquares(vectors, 3, randomProjection(5, 20, 3, eviction), fakeProducts(5))
    squares.forEach((square, i) => (sums[i]! += square))
  }
  const [first = 0, second = 0] = sums
  expect(Math.abs(first / evictions / 9 - 1)).toBeLessThan(0.03)
  expect(Math.abs(second / evictions / 16 - 1)).toBeLessThan(0.03)
})
