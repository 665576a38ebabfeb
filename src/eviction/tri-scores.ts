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
  const ahead = meanRotation(rotation.frequencies, next)
  const sums = new Float64Array(rows.length)
  let keyHeads = 0
  let index = 0
  for (const layer of keys.channels()) {
    const calibration = layers[index++]
    const ofLayer = layer.length / keys.positions.length / headSize
    if (!calibration || calibration.heads % ofLayer !== 0)
      throw new Error('The calibration is of a model with other layers or heads.')
    const shared = calibration.heads / ofLayer
    for (let head = 0; head < ofLayer; head++) {
      const vectors = gather(layer, rows, { offset: head * headSize, width: ofLayer * headSize, headSize })
      const queries = futureQueries(calibration, { first: head * shared, shared, headSize }, rotation, ahead)
      addHighest(headScores(vectors, queries, headSize, rotation), rows.length, sums)
    }
    keyHeads += ofLayer
  }
  if (index !== layers.length) throw new Error('The calibration is of a model with other layers.')
  return Float32Array.from(sums, (sum) => sum / keyHeads)
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

/** Of the query heads that share a key head. */
function futureQueries(
  { mean, length }: LayerCalibration,
  { first, shared, headSize }: { first: number; shared: number; headSize: number },
  rotation: Calibration['rotation'],
  ahead: ReturnType<typeof meanRotation>,
): Queries {
  const pairs = rotation.frequencies.length
  const turned = mean.slice(first * headSize, (first + shared) * headSize)
  const scatter = new Float32Array(shared * pairs)
  for (let head = 0; head < shared; head++) {
    for (let f = 0; f < pairs; f++) {
      const [re, im] = pairOf(rotation, f).map((channel) => head * headSize + channel) as [number, number]
      const [x, y] = [turned[re] as number, turned[im] as number]
      const [real, imaginary] = [ahead.real[f] as number, ahead.imaginary[f] as number]
      turned[re] = rotation.scale * (x * real - y * imaginary)
      turned[im] = rotation.scale * (x * imaginary + y * real)
      const whole = length[(first + head) * pairs + f] as number
      scatter[head * pairs + f] = rotation.scale * (whole - Math.hypot(x, y))
    }
  }
  return { mean: turned, scatter }
}

/** The keys of one head, shape [rows x head size]. */
function gather(
  layer: Float32Array,
  rows: Int32Array,
  { offset, width, headSize }: { offset: number; width: number; headSize: number },
): Float32Array {
  const vectors = new Float32Array(rows.length * headSize)
  for (const [i, row] of rows.entries()) {
    const start = row * width + offset
    vectors.set(layer.subarray(start, start + headSize), i * headSize)
  }
  return vectors
}

/**
 * For each query head the score of each key, shape [n]. Not by `products`, which are made for many vectors on either side: here one side
 * has a few.
 */
function headScores(
  vectors: Float32Array,
  { mean, scatter }: Queries,
  headSize: number,
  rotation: Calibration['rotation'],
): Float32Array[] {
  const pairs = rotation.frequencies.length
  const lengths = pairLengths(vectors, headSize, rotation)
  return Array.from({ length: mean.length / headSize }, (_, head) => {
    const query = mean.subarray(head * headSize, (head + 1) * headSize)
    const scattered = scatter.subarray(head * pairs, (head + 1) * pairs)
    return Float32Array.from({ length: vectors.length / headSize }, (_key, i) => {
      return product(vectors, i * headSize, query) + product(lengths, i * pairs, scattered)
    })
  })
}

/** Of the numbers of `values` from `start` on with as many as `other` has. */
function product(values: Float32Array, start: number, other: Float32Array): number {
  let sum = 0
  for (let i = 0; i < other.length; i++) sum += (values[start + i] as number) * (other[i] as number)
  return sum
}

/** Length of each pair of each key, shape [n x pairs]. */
function pairLengths(vectors: Float32Array, headSize: number, rotation: Calibration['rotation']): Float32Array {
  const pairs = rotation.frequencies.length
  const lengths = new Float32Array((vectors.length / headSize) * pairs)
  for (let f = 0; f < pairs; f++) {
    const [re, im] = pairOf(rotation, f)
    for (let start = 0, at = f; start < vectors.length; start += headSize, at += pairs) {
      const [x, y] = [vectors[start + re] as number, vectors[start + im] as number]
      lengths[at] = Math.sqrt(x * x + y * y)
    }
  }
  return lengths
}

/** sums[i] += the highest of the heads' z-scores of key i. */
function addHighest(heads: readonly Float32Array[], count: number, sums: Float64Array): void {
  const scaled = heads.map((scores) => zScores(scores))
  for (let i = 0; i < count; i++) {
    let highest = -Infinity
    for (const scores of scaled) highest = Math.max(highest, scores[i] as number)
    sums[i] = (sums[i] as number) + highest
  }
}
