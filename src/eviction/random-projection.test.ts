import { expect, test } from 'vitest'
import { addProjectedSquares, randomProjection } from './random-projection.ts'

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

test('a length is kept on average over evictions, of the vectors of one head in some rows', () => {
  // Two rows of two heads of three numbers.
  const layer = Float32Array.of(9, 9, 9, 1, 2, 2, 9, 9, 9, 0, 0, 4)
  const which = { rows: Int32Array.of(1, 0), head: 1, heads: 2, headSize: 3 }
  const sums = new Float64Array(2)
  const evictions = 2000
  for (let eviction = 0; eviction < evictions; eviction++) {
    addProjectedSquares(layer, which, randomProjection(5, 20, 3, eviction), sums)
  }
  const [first = 0, second = 0] = sums
  expect(Math.abs(first / evictions / 16 - 1)).toBeLessThan(0.03)
  expect(Math.abs(second / evictions / 9 - 1)).toBeLessThan(0.03)
})
