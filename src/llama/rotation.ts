/**
 * The rotation of queries and keys by their position (RoPE), as a node of llama.cpp's graph describes it.
 */
import { EngineError } from '../errors.ts'

/** How a model rotates its heads: pair f of the channels by the angle position * frequencies[f]. */
export interface Rotation {
  /** `halves`: pair f is channels f and f + pairs (NEOX); `adjacent`: 2f and 2f + 1. Channels behind all pairs are not rotated. */
  readonly pairing: 'halves' | 'adjacent'
  /** Radians per position, shape [pairs]. */
  readonly frequencies: Float64Array
  /** What a rotated pair is multiplied by: not 1 under YaRN only. */
  readonly scale: number
}

const pairings: Readonly<Record<number, Rotation['pairing']>> = {
  0: 'adjacent',
  2: 'halves',
  8: 'halves',
  40: 'halves',
}
/** In a mode with coordinates these belong to the last of four, which is 0 in a text: such channels are not rotated. */
const lastSection = 14
const modesWithCoordinates: ReadonlySet<number> = new Set([8, 40])

/**
 * As `ggml_compute_forward_rope` has it (v0.4 and v0.5).
 * @param parameters the node's `op_params`, 16 words
 * @param factors by which frequencies are divided, shape [pairs]; undefined: 1
 * @throws EngineError `unknown_rotation`
 */
export function rotationOf(parameters: Int32Array, factors: Float32Array | undefined): Rotation {
  const floats = new Float32Array(parameters.buffer, parameters.byteOffset, parameters.length)
  const [, channels = 0, mode = -1, , trained = 0] = parameters
  const [base = NaN, interpolation = NaN, extrapolation = NaN, factor = NaN, fast = NaN, slow = NaN] =
    floats.subarray(5)
  const pairing = pairings[mode]
  if (pairing === undefined || (modesWithCoordinates.has(mode) && parameters[lastSection] !== 0))
    throw new EngineError('unknown_rotation', `rotations of mode ${mode} are not known`)
  const pairs = channels / 2
  const [low, high] = extrapolation === 0 ? [0, 0] : rampOf(channels, trained, base, fast, slow)
  const frequencies = Float64Array.from({ length: pairs }, (_, f) => {
    const whole = base ** (-f / pairs) / (factors?.[f] ?? 1)
    const slowed = interpolation * whole
    if (extrapolation === 0) return slowed
    const place = (f - low) / Math.max(0.001, high - low)
    const share = (1 - Math.min(1, Math.max(0, place))) * extrapolation
    return slowed * (1 - share) + whole * share
  })
  const scale = extrapolation === 0 ? factor : factor * (1 + 0.1 * Math.log(1 / interpolation))
  return { pairing, frequencies, scale }
}

/** YaRN (arXiv 2309.00071): between which pairs frequencies go over from whole to slowed. */
function rampOf(channels: number, trained: number, base: number, fast: number, slow: number): [number, number] {
  const pairTurning = (turns: number) => (channels * Math.log(trained / (turns * 2 * Math.PI))) / (2 * Math.log(base))
  return [Math.max(0, Math.floor(pairTurning(fast))), Math.min(channels - 1, Math.ceil(pairTurning(slow)))]
}

/** The two channels of pair f. */
export function pairOf(
  { pairing, frequencies }: Pick<Rotation, 'pairing' | 'frequencies'>,
  f: number,
): [number, number] {
  return pairing === 'halves' ? [f, f + frequencies.length] : [2 * f, 2 * f + 1]
}
