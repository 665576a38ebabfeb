/**
 * How much cells stand out from those that follow them.
 *
 * Source: LagKV, arXiv 2504.04704.
 */
import type { CachedVectors } from './policy.ts'

/** Above all scores of one chunk's softmax, for keys and for values alike. */
const stays = 2

/**
 * For each layer and head: each channel of a chunk's vectors, as a share of that channel's range in the next chunk; the standard
 * deviation of these shares over the channels; softmax over the chunk. Then the mean over layers and heads. A channel that is the same
 * in all of the next chunk says nothing: 0. The last whole chunk, and what is left over, get more than any other.
 * @param rows of the cells to score, oldest first, shape [n]
 * @param chunk cells in a chunk
 * @returns shape [n]
 */
export function lagScores(vectors: CachedVectors, rows: Int32Array, chunk: number): Float64Array {
  const { positions, headSize, channels } = vectors
  const scored = Math.max(0, Math.floor(rows.length / chunk) - 1) * chunk
  const scores = new Float64Array(rows.length)
  let heads = 0
  for (const layer of channels()) {
    const width = layer.length / positions.length
    const [least, scale] = [new Float64Array(width), new Float64Array(width)]
    const deviations = new Float64Array(chunk)
    for (let start = 0; start < scored; start += chunk) {
      measureRange(layer, width, rows.subarray(start + chunk, start + 2 * chunk), least, scale)
      for (let offset = 0; offset < width; offset += headSize) {
        for (let i = 0; i < chunk; i++) {
          const from = (rows[start + i] as number) * width
          deviations[i] = deviationOf(layer, from, least, scale, offset, offset + headSize)
        }
        addSoftmax(deviations, scores, start)
      }
    }
    heads += width / headSize
  }
  return scores.map((score, i) => (i < scored ? score / heads : stays))
}

/** Smallest number of each channel in these rows, and one over its range; 0 where it has none. */
function measureRange(
  layer: Float32Array,
  width: number,
  rows: Int32Array,
  least: Float64Array,
  scale: Float64Array,
): void {
  least.fill(Infinity)
  const most = scale.fill(-Infinity)
  for (let i = 0; i < rows.length; i++) {
    const from = (rows[i] as number) * width
    for (let channel = 0; channel < width; channel++) {
      const value = layer[from + channel] as number
      if (value < (least[channel] as number)) least[channel] = value
      if (value > (most[channel] as number)) most[channel] = value
    }
  }
  for (let channel = 0; channel < width; channel++) {
    const range = (most[channel] as number) - (least[channel] as number)
    scale[channel] = range > 0 ? 1 / range : 0
  }
}

/** Standard deviation of a vector's shares of the range over channels `first` to `end` - 1; that of a sample (over n - 1). */
function deviationOf(
  layer: Float32Array,
  from: number,
  least: Float64Array,
  scale: Float64Array,
  first: number,
  end: number,
): number {
  let sum = 0
  for (let channel = first; channel < end; channel++) sum += shareOf(layer, from, least, scale, channel)
  const mean = sum / (end - first)
  let squares = 0
  for (let channel = first; channel < end; channel++) {
    const difference = shareOf(layer, from, least, scale, channel) - mean
    squares += difference * difference
  }
  return Math.sqrt(squares / Math.max(1, end - first - 1))
}

function shareOf(layer: Float32Array, from: number, least: Float64Array, scale: Float64Array, channel: number): number {
  return ((layer[from + channel] as number) - (least[channel] as number)) * (scale[channel] as number)
}

/** sums[start + i] += softmax(values)[i] */
function addSoftmax(values: Float64Array, sums: Float64Array, start: number): void {
  let largest = -Infinity
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > largest) largest = values[i] as number
  let total = 0
  for (let i = 0; i < values.length; i++) total += Math.exp((values[i] as number) - largest)
  for (let i = 0; i < values.length; i++) {
    sums[start + i] = (sums[start + i] as number) + Math.exp((values[i] as number) - largest) / total
  }
}
