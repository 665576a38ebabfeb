import { expect, test } from 'vitest'
import { fakeArithmetic, fakeProducts } from '../../src/eviction/products.fake.ts'
import { LlamaContext, LlamaModel, loadLibrary } from '../../src/llama/index.ts'
import { KeyDirections } from '../../src/llama/key-directions.ts'
import { mostVectors, PairProducts } from '../../src/llama/pair-products.ts'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'
import { readKeys } from '../support/read-keys.ts'

const vectors = (count: number, size: number, seed: number) =>
  Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * seed))

test.each([
  [1, 1, 1],
  [3, 200, 64],
  [256, 256, 128],
  [200, 7, 33],
  [20, 1300, 64],
])('%d with %d vectors of %d values', (few, many, size) => {
  using products = new PairProducts(loadLibrary('off'), size, 1)
  // What an earlier call left must not show.
  products.run(vectors(mostVectors, size, 7), vectors(600, size, 11))
  const [a, b] = [vectors(few, size, 1.1), vectors(many, size, 0.7)]
  expect(maxDifference(products.run(a, b), fakeProducts(size)(a, b))).toBeLessThan(1e-4)
})

test.each([
  [2, 6, 1300, 64],
  [8, 4, 513, 32],
  [3, 33, 512, 20],
])('%d heads, %d vectors each with %d rows of %d values a head', (heads, few, many, size) => {
  using products = new PairProducts(loadLibrary('off'), 128, 1)
  const [a, b] = [vectors(heads * few, size, 1.1), vectors(many, heads * size, 0.7)]
  const expected = fakeProducts(128)(a, b, { heads, size })
  expect(expected).toHaveLength(heads * few * many)
  expect(maxDifference(products.run(a, b, { heads, size }), expected)).toBeLessThan(1e-4)
  // Another shape in between, and again.
  products.run(vectors(5, 128, 3), vectors(9, 128, 5))
  expect(maxDifference(products.run(a, b, { heads, size }), expected)).toBeLessThan(1e-4)
})

test.each([
  [1, 1, 64],
  [1300, 2, 128],
  [512, 3, 20],
])('lengths and the sum of directions: %d rows of %d heads of %d values, zeros among them', (many, heads, size) => {
  using directions = new KeyDirections(loadLibrary('off'))
  const shape = { heads, size }
  // What an earlier call left must not show.
  directions.run(new Float32Array(600 * heads * size).fill(NaN), shape)
  const b = vectors(many, heads * size, 0.7)
  b.fill(0, 0, size)
  const [actual, expected] = [directions.run(b, shape), fakeArithmetic(size).directions(b, shape)]
  expect(actual.lengths).toHaveLength(heads * many)
  expect(actual.lengths[0]).toBe(0)
  expect(maxDifference(actual.lengths, expected.lengths)).toBeLessThan(1e-5)
  expect(maxDifference(actual.sum, expected.sum)).toBeLessThan(1e-4)
  for (const wrong of [new Float32Array(0), new Float32Array(heads * size + 1)])
    expect(() => directions.run(wrong, shape)).toThrow(RangeError)
})

test('too many vectors, none, or parts of one', () => {
  using products = new PairProducts(loadLibrary('off'), 8, 1)
  const one = new Float32Array(8)
  for (const wrong of [new Float32Array(0), new Float32Array(12)]) {
    expect(() => products.run(wrong, one)).toThrow(RangeError)
    expect(() => products.run(one, wrong)).toThrow(RangeError)
  }
  expect(() => products.run(new Float32Array(8 * (mostVectors + 1)), one)).toThrow(RangeError)
  for (const wrong of [{ heads: 3 }, { size: 3 }, { size: 0 }, { heads: NaN }, { size: 0.5, heads: 2 }])
    expect(() => products.run(one, one, wrong)).toThrow(RangeError)
  products.dispose()
  products.dispose()
  expect(() => products.run(one, one)).toThrow('disposed')
})

test('the keys of a context, layer by layer, for each cache type', () => {
  using model = LlamaModel.load(loadLibrary('off'), tinyF32)
  const { tokens } = importanceOracle().traces[0]!
  for (const kvType of ['f32', 'f16', 'q8_0'] as const) {
    using context = LlamaContext.create(model, { cellsPerSequence: 256, sequences: 2, threads: 1, kvType })
    for (const sequenceId of [0, 1]) {
      context.append(sequenceId, tokens.slice(sequenceId * 9, 60 + sequenceId * 20), 0, 'none')
      context.remove(sequenceId, 10, 30)
      const { keys } = context.cached(sequenceId)
      const copied = readKeys(context, sequenceId)
      expect([keys.headSize, keys.positions]).toEqual([64, copied.positions])
      // Twice: reading is repeatable.
      for (let round = 0; round < 2; round++) {
        expect(Array.from(keys.layers(), (values) => values.slice())).toEqual(copied.layers)
      }
      const [first] = keys.layers()
      const head = first!.slice(0, 64)
      expect(keys.products(head, head)[0]).toBeCloseTo(
        head.reduce((sum, value) => sum + value ** 2, 0),
        1,
      )
    }
  }
})
