/** A calibration of no model: two layers of two key heads of four numbers, as the fake keys are. For tests. */
import { mulberry32 } from '../mulberry32.ts'
import type { Calibration } from './calibration.ts'

export interface FakeSizes {
  readonly layers?: number
  readonly heads?: number
  readonly headSize?: number
  /** Default: all channels are rotated. */
  readonly pairs?: number
  readonly pairing?: Calibration['rotation']['pairing']
  readonly scale?: number
  readonly seed?: number
}

export function fakeCalibration(sizes: FakeSizes = {}): Calibration {
  const { layers = 2, heads = 4, headSize = 4, pairs = headSize / 2, pairing = 'halves', scale = 1, seed = 1 } = sizes
  const random = mulberry32(seed)
  const numbers = (count: number, least: number) => Float32Array.from({ length: count }, () => least + random())
  return {
    rotation: { pairing, scale, frequencies: Float64Array.from({ length: pairs }, (_, f) => 100 ** (-f / pairs)) },
    layers: Array.from({ length: layers }, () => {
      // No mean is longer than the mean length.
      return { heads, mean: numbers(heads * headSize, -0.5), length: numbers(heads * pairs, 1) }
    }),
  }
}
