/**
 * What `dynts calibrate` has measured of a model: its queries before their rotation by position (RoPE), as means over a text. Where
 * queries of one head point is much the same for every text, which is what makes future attention predictable.
 *
 * Source: TriAttention (Q/K concentration).
 */
import type { Rotation } from '../llama/rotation.ts'

export interface LayerCalibration {
  /** Query heads. */
  readonly heads: number
  /** Mean query before its rotation, shape [heads x head size]. */
  readonly mean: Float32Array
  /** Mean length of each rotated pair of channels, shape [heads x pairs]; zeros: this head was not measured. */
  readonly length: Float32Array
}

export interface Calibration {
  readonly rotation: Rotation
  /** Those whose keys are cached and can be read, in that order. */
  readonly layers: readonly LayerCalibration[]
}

/** Whether there are statistics of a query head of a layer. */
export function isMeasured({ heads, length }: LayerCalibration, head: number): boolean {
  const pairs = length.length / heads
  return length.subarray(head * pairs, (head + 1) * pairs).some((value) => value !== 0)
}
