/**
 * How much attention cached keys will get from queries that are still to come.
 *
 * Source: TriAttention. Its score for a head is, over pairs f of channels and distances d of future queries,
 * mean_d sum_f |mean q_f| |k_f| cos(w_f (next + d - p_k) + angle) + sum_f (mean |q_f| - |mean q_f|) |k_f|: the attention of a mean query,
 * and a share for what queries scatter. With cached keys, which are rotated already, the first part is one product for each key.
 */
import { pairOf } from '../llama/rotation.ts'
import { isMeasured, type Calibration, type LayerCalibration } from './calibration.ts'
import { meanOfHeads, type CombinedHeads } from './combine-heads.ts'
import type { CachedKeys } from './policy.ts'
import { rowsOf } from './supplied-vectors.ts'
import { zScores } from './z-scores.ts'

/** How far ahead queries are looked for: 1, 2, 4, ... 65,536 tokens. */
const distances: readonly number[] = Array.from({ length: 17 }, (_, i) => 2 ** i)

/**
 * Each head's scores with mean 0 and deviation 1 over the candidates; the highest of the query heads that share a key head; all key heads
 * of all layers combined. Heads that were not measured have no say. Shape [n].
 * @param next position of the next token
 * @throws Error for keys of another model than the calibration is of
 */
export function triScores(
  keys: CachedKeys,
  candidates: Int32Array,
  next: number,
  { rotation, layers }: Calibration,
  combined: CombinedHeads = meanOfHeads(candidates.length),
): Float32Array {
  const { headSize } = keys
  const rows = rowsOf(keys, candidates)
  const pairs = channelsOfPairs(rotation)
  const ahead = meanRotation(rotation.frequencies, next)
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
    for (let head = 0; head < heads; head++) {
      const measured = Array.from({ length: shared }, (_, i) => head * shared + i).filter((one) =>
        isMeasured(calibration, one),
      )
      if (measured.length > 0) combined.add(highestOf(scores, rows.length, measured))
    }
  }
  if (index !== layers.length) throw new Error('The calibration is of a model with other layers.')
  return combined.scores()
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
 * The highest of the z-scores that some heads give to each key.
 * @param scores shape [heads x keys]
 * @param heads at least one
 */
function highestOf(scores: Float32Array, keys: number, heads: readonly number[]): Float64Array {
  const [highest = new Float64Array(keys), ...others] = heads.map((head) =>
    zScores(scores.subarray(head * keys, (head + 1) * keys)),
  )
  for (const other of others)
    for (let i = 0; i < keys; i++) highest[i] = Math.max(highest[i] as number, other[i] as number)
  return highest
}
