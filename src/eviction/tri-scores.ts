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

/** Rows that the engine multiplies at a time. */
const tile = 256

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
      addHighest(headScores(vectors, queries, keys, rotation), rows.length, sums)
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
  /** Of each pair what its length exceeds the mean's: shape [query heads x head size], zeros behind the pairs. */
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
  const scatter = new Float32Array(turned.length)
  for (let head = 0; head < shared; head++) {
    for (let f = 0; f < pairs; f++) {
      const [re, im] = pairOf(rotation, f).map((channel) => head * headSize + channel) as [number, number]
      const [x, y] = [turned[re] as number, turned[im] as number]
      const [real, imaginary] = [ahead.real[f] as number, ahead.imaginary[f] as number]
      turned[re] = rotation.scale * (x * real - y * imaginary)
      turned[im] = rotation.scale * (x * imaginary + y * real)
      const whole = length[(first + head) * pairs + f] as number
      scatter[head * headSize + f] = rotation.scale * (whole - Math.hypot(x, y))
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

/** For each query head the score of each key, shape [n]. */
function headScores(
  vectors: Float32Array,
  { mean, scatter }: Queries,
  { products, headSize }: CachedKeys,
  rotation: Calibration['rotation'],
): Float32Array[] {
  const count = vectors.length / headSize
  const heads = mean.length / headSize
  const scores = Array.from({ length: heads }, () => new Float32Array(count))
  const add = (from: number, values: Float32Array) => {
    for (let i = 0; i < values.length; i++) {
      const ofHead = scores[i % heads] as Float32Array
      const row = from + Math.floor(i / heads)
      ofHead[row] = (ofHead[row] as number) + (values[i] as number)
    }
  }
  for (let from = 0; from < count; from += tile) {
    const part = vectors.subarray(from * headSize, Math.min(count, from + tile) * headSize)
    add(from, products(part, mean))
    add(from, products(lengths(part, headSize, rotation), scatter))
  }
  return scores
}

/** Length of each pair of each key, as `Queries.scatter` has them. */
function lengths(vectors: Float32Array, headSize: number, rotation: Calibration['rotation']): Float32Array {
  const values = new Float32Array(vectors.length)
  for (let f = 0; f < rotation.frequencies.length; f++) {
    const [re, im] = pairOf(rotation, f)
    for (let start = 0; start < vectors.length; start += headSize) {
      const [x, y] = [vectors[start + re] as number, vectors[start + im] as number]
      values[start + f] = Math.sqrt(x * x + y * y)
    }
  }
  return values
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
