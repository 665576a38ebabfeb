/**
 * Scores against the formula as the paper has it, in float64 and one cosine at a time: keys before their rotation, positions, angles.
 */
import { describe, expect, test } from 'vitest'
import { mulberry32 } from '../mulberry32.ts'
import { fakeCalibration } from './calibration.fake.ts'
import type { Calibration } from './calibration.ts'
import type { CachedKeys } from './policy.ts'
import { fakeArithmetic } from './products.fake.ts'
import { triScores } from './tri-scores.ts'
import { fakeVectors } from './vectors.fake.ts'

interface Sizes {
  readonly headSize: number
  readonly pairs: number
  readonly pairing: 'halves' | 'adjacent'
  readonly keyHeads: number
  readonly shared: number
  readonly scale: number
}

const channelsOf = ({ pairing, pairs }: Sizes, f: number): [number, number] =>
  pairing === 'adjacent' ? [2 * f, 2 * f + 1] : [f, pairs + f]

/** Keys before their rotation, [layer][row][channel of any key head]. */
function plainKeys(layers: number, positions: readonly number[], { keyHeads, headSize }: Sizes): number[][][] {
  const random = mulberry32(3)
  return Array.from({ length: layers }, () =>
    positions.map(() => Array.from({ length: keyHeads * headSize }, () => 2 * random() - 1)),
  )
}

/** As the cache has them. */
function rotated(
  keys: number[][][],
  positions: readonly number[],
  { rotation: { frequencies, scale } }: Calibration,
  sizes: Sizes,
): CachedKeys {
  const { headSize, keyHeads } = sizes
  const layers = keys.map((rows) =>
    Float32Array.from(
      rows.flatMap((row, i) => {
        const turned = [...row]
        for (let head = 0; head < keyHeads; head++) {
          for (const [f, frequency] of frequencies.entries()) {
            const [a, b] = channelsOf(sizes, f).map((channel) => head * headSize + channel) as [number, number]
            const angle = positions[i]! * frequency
            turned[a] = scale * (row[a]! * Math.cos(angle) - row[b]! * Math.sin(angle))
            turned[b] = scale * (row[a]! * Math.sin(angle) + row[b]! * Math.cos(angle))
          }
        }
        return turned
      }),
    ),
  )
  const never = () => expect.unreachable('rotated within the heads')
  return {
    ...fakeVectors(Int32Array.from(positions), headSize, () => layers),
    layers: never,
    ...fakeArithmetic(headSize),
  }
}

/** The paper's score of one key for one query head. */
function score(
  key: readonly number[],
  position: number,
  mean: readonly number[],
  length: readonly number[],
  next: number,
  frequencies: Float64Array,
  sizes: Sizes,
): number {
  const { scale, pairs, headSize } = sizes
  const distances = Array.from({ length: 17 }, (_, i) => 2 ** i)
  let sum = 0
  for (let f = 0; f < pairs; f++) {
    const [a, b] = channelsOf(sizes, f)
    const [q, k] = [Math.hypot(mean[a]!, mean[b]!), Math.hypot(key[a]!, key[b]!)]
    const angle = Math.atan2(mean[b]!, mean[a]!) - Math.atan2(key[b]!, key[a]!)
    const cosines = distances.map((d) => Math.cos(frequencies[f]! * (next + d - position) + angle))
    sum += (scale ** 2 * q * k * cosines.reduce((x, y) => x + y)) / distances.length
    sum += scale ** 2 * (length[f]! - q) * k
  }
  const paired = new Set(Array.from({ length: pairs }, (_, f) => channelsOf(sizes, f)).flat())
  for (let channel = 0; channel < headSize; channel++) if (!paired.has(channel)) sum += mean[channel]! * key[channel]!
  return sum
}

function normalised(values: readonly number[]): number[] {
  const mean = values.reduce((a, b) => a + b) / values.length
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)
  return values.map((value) => (value - mean) / deviation)
}

function reference(
  keys: number[][][],
  positions: readonly number[],
  candidates: readonly number[],
  next: number,
  { layers, rotation }: Calibration,
  sizes: Sizes,
): number[] {
  const { keyHeads, shared, headSize, pairs } = sizes
  const sums = candidates.map(() => 0)
  for (const [l, { mean, length }] of layers.entries()) {
    for (let keyHead = 0; keyHead < keyHeads; keyHead++) {
      const ofHeads = Array.from({ length: shared }, (_, i) => {
        const head = keyHead * shared + i
        const [q, m] = [
          [...mean.slice(head * headSize, (head + 1) * headSize)],
          [...length.slice(head * pairs, (head + 1) * pairs)],
        ]
        return normalised(
          candidates.map((position) => {
            const key = keys[l]![positions.indexOf(position)]!.slice(keyHead * headSize, (keyHead + 1) * headSize)
            return score(key, position, q, m, next, rotation.frequencies, sizes)
          }),
        )
      })
      for (const i of candidates.keys()) sums[i]! += Math.max(...ofHeads.map((scores) => scores[i]!))
    }
  }
  return sums.map((sum) => sum / (layers.length * keyHeads))
}

describe('scores are the formula’s', () => {
  // Not in the order of the cells, with holes.
  const positions = Array.from({ length: 330 }, (_, i) => ((i * 7) % 330) * 3)
  const candidates = positions.filter((position) => position > 30 && position < 940).sort((a, b) => a - b)

  test.each<[string, Sizes]>([
    [
      'halves, four query heads for two key heads',
      { headSize: 8, pairs: 4, pairing: 'halves', keyHeads: 2, shared: 2, scale: 1 },
    ],
    ['adjacent pairs', { headSize: 8, pairs: 4, pairing: 'adjacent', keyHeads: 1, shared: 3, scale: 1 }],
    ['a scale, as YaRN has', { headSize: 8, pairs: 4, pairing: 'halves', keyHeads: 2, shared: 1, scale: 1.2 }],
    [
      'heads of which a half is rotated',
      { headSize: 8, pairs: 2, pairing: 'halves', keyHeads: 1, shared: 2, scale: 1 },
    ],
    ['the same, adjacent', { headSize: 6, pairs: 2, pairing: 'adjacent', keyHeads: 2, shared: 2, scale: 1 }],
  ])('%s', (_, sizes) => {
    const { keyHeads, shared, headSize, pairs, pairing, scale } = sizes
    const calibration = fakeCalibration({ layers: 3, heads: keyHeads * shared, headSize, pairs, pairing, scale })
    const keys = plainKeys(3, positions, sizes)
    const actual = triScores(
      rotated(keys, positions, calibration, sizes),
      Int32Array.from(candidates),
      991,
      calibration,
    )
    const expected = reference(keys, positions, candidates, 991, calibration, sizes)
    for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-4)
    // What would be told from the newest alone is something else.
    expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(1)
  })

  test('heads that were not measured have no say', () => {
    const sizes: Sizes = { headSize: 8, pairs: 4, pairing: 'halves', keyHeads: 2, shared: 2, scale: 1 }
    const whole = fakeCalibration({ layers: 2, heads: 4, headSize: 8 })
    const keys = plainKeys(2, positions, sizes)
    /** Only the first query head of a key head, and none of the last. */
    const layers = whole.layers.map(({ heads, mean, length }) => {
      const isFirst = (i: number, perHead: number) => Math.floor(i / perHead) === 0
      return {
        heads,
        mean: mean.map((value, i) => (isFirst(i, 8) ? value : 0)),
        length: length.map((value, i) => (isFirst(i, 4) ? value : 0)),
      }
    })
    const cached = rotated(keys, positions, whole, sizes)
    const actual = triScores(cached, Int32Array.from(candidates), 991, { ...whole, layers })
    const single = { ...sizes, keyHeads: 1, shared: 1 }
    const expected = reference(
      keys.map((rows) => rows.map((row) => row.slice(0, 8))),
      positions,
      candidates,
      991,
      {
        ...whole,
        layers: layers.map(({ mean, length }) => ({ heads: 1, mean: mean.slice(0, 8), length: length.slice(0, 4) })),
      },
      single,
    )
    for (const [i, value] of expected.entries()) expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-4)
  })

  test('of one candidate there is nothing to compare', () => {
    const sizes: Sizes = { headSize: 4, pairs: 2, pairing: 'halves', keyHeads: 2, shared: 2, scale: 1 }
    const calibration = fakeCalibration()
    const cached = rotated(plainKeys(2, [0, 1], sizes), [0, 1], calibration, sizes)
    expect([...triScores(cached, Int32Array.of(1), 2, calibration)]).toEqual([0])
  })

  test.each([
    ['more layers', { layers: 3 }],
    ['fewer layers', { layers: 1 }],
    ['other heads', { heads: 3 }],
  ])('a calibration of a model with %s is a mistake', (_, other) => {
    const sizes: Sizes = { headSize: 4, pairs: 2, pairing: 'halves', keyHeads: 2, shared: 2, scale: 1 }
    const cached = rotated(plainKeys(2, [0, 1, 2], sizes), [0, 1, 2], fakeCalibration(), sizes)
    expect(() => triScores(cached, Int32Array.of(0, 1), 3, fakeCalibration(other))).toThrow(
      'of a model with other layers',
    )
  })
})
