/**
 * How much attention cached keys will get from queries that are still to come.
 *
 * Source: TriAttention. Its score for a head is, over pairs f of channels and distances d of future queries,
 * mean_d sum_f |mean q_f| |k_f| cos(w_f (next + d - p_k) + angle) + sum_f (mean |q_f| - |mean q_f|) |k_f|: the attention of a mean query,
 * and a share for what queries scatter. With cached keys, which are rotated already, the first part is one product for each key.
 */
import { pairOf } from '../llama/rotation.ts'
import type { Calibration, LayerCalibration } from './calibration.ts'
import type { CachedKeys } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'
import { zScores } from './z-scores.ts'

/** How far ahead queries are looked for: 1, 2, 4, ... 65,536 tokens. */
const distances: readonly number[] = Array.from({ length: 17 }, (_, i) => 2 ** i)

/**
 * Each head's scores with mean 0 and deviation 1 over the candidates; the highest of the query heads that share a key head; the mean over
 * layers and key heads. Shape [n].
 * @param next position of the next token
 * @throws Error for keys of another model than the calibration is of
 */
export function triScores(
  keys: CachedKeys,
  candidates: Int32Array,
  next: number,
  { rotation, layers }: Calibration,
): Float32Array {
  const { headSize } = keys
  const rows = rowsOf(keys, candidates)
  const pairs = channelsOfPairs(rotation)
  const ahead = meanRotation(rotation.frequencies, next)
  const sums = new Float64Array(rows.length)
  let keyHeads = 0
  let index = 0
  for (const layer of keys.channels(rows)) {
    const calibration = layers[index++]
    const heads = layer.length / rows.length / headSize
    if (!calibration || calibration.heads % heads !== 0)
      throw new Error('The calibration is of a model with other layers or heads.')
    const { mean, scatter } = futureQueries(calibration, headSize, rotation, ahead)
    const scores = keys.products(mean, layer, { heads }).slice()
    const lengths = pairLengths(layer, headSize, pairs)
    const scattered = keys.products(scatter, lengths, { heads, size: pairs.length })
    for (let i = 0; i < scores.length; i++) scores[i] = (scores[i] as number) + (scattered[i] as number)
    const shared = calibration.heads / heads
    for (let head = 0; head < heads; head++) addHighest(scores, head * shared, shared, sums)
    keyHeads += heads
  }
  if (index !== layers.length) throw new Error('The calibration is of a model with other layers.')
  return Float32Array.from(sums, (sum) => sum / keyHeads)
}

/** Both channels of each pair. */
function channelsOfPairs(rotation: Calibration['rotation']): (readonly [number, number])[] {
  return Array.from(rotation.frequencies, (_, f) => pairOf(rotation, f))
}

/** Mean of exp(i w (next + d)) over the distances, for each frequency. */
function meanRotation(frequencies: Float64Array, next: number): { real: Float64Array; imaginary: Float64Array } {
  const mean = (of: (angle: number) => number) =>
    frequencies.map((w) => distances.reduce((sum, d) => sum + of(w * (next + d)), 0) / distances.length)
  return { real: mean(Math.cos), imaginary: mean(Math.sin) }
}

interface Queries {
  /** Mean future query, rotated, by channel: shape [query heads x head size]. */
  readonly mean: Float32Array
  /** Of each pair what its length exceeds the mean's: shape [query heads x pairs]. */
  readonly scatter: Float32Array
}

function futureQueries(
  { heads, mean, length }: LayerCalibration,
  headSize: number,
  rotation: Calibration['rotation'],
  ahead: ReturnType<typeof meanRotation>,
): Queries {
  const pairs = rotation.frequencies.length
  const turned = mean.slice()
  const scatter = new Float32Array(heads * pairs)
  for (let head = 0; head < heads; head++) {
    for (let f = 0; f < pairs; f++) {
      const [re, im] = pairOf(rotation, f).map((channel) => head * headSize + channel) as [number, number]
      const [x, y] = [turned[re] as number, turned[im] as number]
      const [real, imaginary] = [ahead.real[f] as number, ahead.imaginary[f] as number]
      turned[re] = rotation.scale * (x * real - y * imaginary)
      turned[im] = rotation.scale * (x * imaginary + y * real)
      const whole = length[head * pairs + f] as number
      scatter[head * pairs + f] = rotation.scale * (whole - Math.hypot(x, y))
    }
  }
  return { mean: turned, scatter }
}

/** Length of each pair of each vector, shape [vectors x pairs]. */
function pairLengths(
  layer: Float32Array,
  headSize: number,
  pairs: readonly (readonly [number, number])[],
): Float32Array {
  const lengths = new Float32Array((layer.length / headSize) * pairs.length)
  const first = Int32Array.from(pairs, ([re]) => re)
  const second = Int32Array.from(pairs, ([, im]) => im)
  for (let start = 0, at = 0; start < layer.length; start += headSize, at += first.length) {
    for (let f = 0; f < first.length; f++) {
      const x = layer[start + (first[f] as number)] as number
      const y = layer[start + (second[f] as number)] as number
      lengths[at + f] = Math.sqrt(x * x + y * y)
    }
  }
  return lengths
}

/**
 * sums[i] += the highest of z-scores of key i, of so many heads from the first on.
 * @param scores shape [heads x keys]
 */
function addHighest(scores: Float32Array, first: number, heads: number, sums: Float64Array): void {
  const count = sums.length
  const scaled = Array.from({ length: heads }, (_, head) =>
    zScores(scores.subarray((first + head) * count, (first + head + 1) * count)),
  )
  for (let i = 0; i < count; i++) {
    let highest = -Infinity
    for (const ofHead of scaled) highest = Math.max(highest, ofHead[i] as number)
    sums[i] = (sums[i] as number) + highest
  }
}
