import { expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import { valueRanges } from './value-ranges.ts'
import { fakeVectors } from './vectors.fake.ts'

const mean = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0) / numbers.length

test('the mean over layers and heads of ranges, each by the mean range of the candidates', () => {
  const draw = mulberry32(4)
  const [layers, heads, size] = [3, 2, 5]
  const positions = Int32Array.of(9, 2, 7, 4, 30)
  const numbers = Array.from({ length: layers }, (_, layer) =>
    Array.from(positions, () =>
      Array.from({ length: heads }, () => Array.from({ length: size }, () => layer + draw() ** 3 - 0.5)),
    ),
  )
  const values = fakeVectors(positions, size, () => numbers.map((layer) => Float32Array.from(layer.flat(2))))
  // 30 is no candidate: it counts nowhere.
  const candidates = [2, 4, 7, 9]
  const rangeOf = (layer: number, position: number, head: number) => {
    const vector = numbers[layer]![positions.indexOf(position)]![head]!
    return Math.max(...vector) - Math.min(...vector)
  }
  const expected = candidates.map((position) => {
    const shares = Array.from({ length: layers * heads }, (_, i) => {
      const [layer, head] = [Math.floor(i / heads), i % heads]
      return rangeOf(layer, position, head) / mean(candidates.map((one) => rangeOf(layer, one, head)))
    })
    return mean(shares)
  })
  const actual = [...valueRanges(values, Int32Array.from(candidates))]
  expect(actual).toEqual(expected.map((value) => expect.closeTo(value, 5) as number))
  expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.1)
})

test('a head whose values are the same in all channels says nothing', () => {
  // Two heads of two numbers: the first of cell 0 has range 4, that of cell 1 range 2.
  const values = fakeVectors(Int32Array.of(0, 1), 2, () => [Float32Array.of(1, 5, 3, 3, 0, 2, 3, 3)])
  expect([...valueRanges(values, Int32Array.of(0, 1))]).toEqual([4 / 3 / 2, 2 / 3 / 2].map((x) => Math.fround(x)))
})
