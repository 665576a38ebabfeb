import { describe, expect, test } from 'vitest'
import { pairOf, rotationOf } from './rotation.ts'

interface Parameters {
  readonly channels: number
  readonly mode: number
  readonly trained?: number
  readonly base?: number
  readonly interpolation?: number
  readonly extrapolation?: number
  readonly factor?: number
}

/** `op_params` of a RoPE node: words 1, 2 and 4 are whole numbers, 5 to 10 are float32. */
function words({
  channels,
  mode,
  trained = 0,
  base = 10_000,
  interpolation = 1,
  extrapolation = 0,
  factor = 1,
}: Parameters) {
  const parameters = Int32Array.of(0, channels, mode, 0, trained, ...new Array<number>(11).fill(0))
  new Float32Array(parameters.buffer).set([base, interpolation, extrapolation, factor, 32, 1], 5)
  return parameters
}

const close = (actual: Float64Array, expected: readonly number[]) => {
  expect(actual.length).toBe(expected.length)
  expected.forEach((value, f) => expect(actual[f]! / value).toBeCloseTo(1, 6))
}

describe('frequencies', () => {
  test('of a plain model: base^(-2f/D)', () => {
    const { frequencies, pairing, scale } = rotationOf(words({ channels: 8, mode: 2 }), undefined)
    close(frequencies, [1, 0.1, 0.01, 0.001])
    expect({ pairing, scale }).toEqual({ pairing: 'halves', scale: 1 })
  })

  test('divided by the factors that a model has', () => {
    const { frequencies, pairing } = rotationOf(words({ channels: 8, mode: 0 }), Float32Array.of(1, 2, 4, 8))
    close(frequencies, [1, 0.05, 0.0025, 0.000125])
    expect(pairing).toBe('adjacent')
  })

  test('slowed by linear interpolation', () => {
    close(rotationOf(words({ channels: 4, mode: 2, interpolation: 0.25 }), undefined).frequencies, [0.25, 0.0025])
  })

  test('under YaRN fast pairs stay, slow ones are slowed, and those between are mixed', () => {
    // Pair f turns 4096 * 10000^(-f/8) / (2 pi) times in the trained context. 32 times: f = 2.62, from below 2; once: 5.63, from above 6.
    const yarn = { channels: 16, mode: 2, trained: 4096, interpolation: 0.25, extrapolation: 1 }
    const { frequencies, scale } = rotationOf(words(yarn), undefined)
    const whole = Array.from({ length: 8 }, (_, f) => 10_000 ** (-f / 8))
    const shares = [1, 1, 1, 0.75, 0.5, 0.25, 0, 0]
    close(
      frequencies,
      whole.map((w, f) => w * (shares[f]! + 0.25 * (1 - shares[f]!))),
    )
    expect(scale).toBeCloseTo(1 + 0.1 * Math.log(4), 6)
  })

  test('other modes, and coordinates beside the position, are not known', () => {
    expect(() => rotationOf(words({ channels: 8, mode: 24 }), undefined)).toThrow('mode 24')
    const sections = words({ channels: 8, mode: 8 })
    expect(rotationOf(sections, undefined).pairing).toBe('halves')
    sections[14] = 2
    expect(() => rotationOf(sections, undefined)).toThrow('mode 8')
  })
})

test('the channels of a pair', () => {
  const frequencies = new Float64Array(3)
  expect([0, 1, 2].map((f) => pairOf({ pairing: 'halves', frequencies }, f))).toEqual([
    [0, 3],
    [1, 4],
    [2, 5],
  ])
  expect([0, 1, 2].map((f) => pairOf({ pairing: 'adjacent', frequencies }, f))).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ])
})
