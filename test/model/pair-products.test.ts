import { expect, test } from 'vitest'
import { fakeProducts } from '../../src/eviction/products.fake.ts'
import { LlamaContext, LlamaModel, loadLibrary, readKeys } from '../../src/llama/index.ts'
import { PairProducts, pairTile } from '../../src/llama/pair-products.ts'
import { importanceOracle, maxDifference, tinyF32 } from '../oracle.ts'

const vectors = (count: number, size: number, seed: number) =>
  Float32Array.from({ length: count * size }, (_, i) => Math.sin(i * seed))

test.each([
  [1, 1, 1],
  [3, 200, 64],
  [256, 256, 128],
  [200, 7, 33],
])('%d with %d vectors of %d values', (rows, columns, size) => {
  using products = new PairProducts(loadLibrary('off'), size, 1)
  // What an earlier call left must not show.
  products.run(vectors(pairTile, size, 7), vectors(pairTile, size, 11))
  const [a, b] = [vectors(rows, size, 1.1), vectors(columns, size, 0.7)]
  expect(maxDifference(products.run(a, b), fakeProducts(size)(a, b))).toBeLessThan(1e-4)
})

test('too many vectors, none, or parts of one', () => {
  using products = new PairProducts(loadLibrary('off'), 8, 1)
  const one = new Float32Array(8)
  for (const wrong of [new Float32Array(0), new Float32Array(12), new Float32Array(8 * (pairTile + 1))]) {
    expect(() => products.run(wrong, one)).toThrow(RangeError)
    expect(() => products.run(one, wrong)).toThrow(RangeError)
  }
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
        expect(Array.from(keys.layers(), (values) => values.slice())).toEqual(copied.layers.map(({ values }) => values))
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
