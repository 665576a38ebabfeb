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
  const { headSize, channels } = vectors
  const scored = Math.max(0, Math.floor(rows.length / chunk) - 1) * chunk
  const scores = new Float64Array(rows.length)
  let heads = 0
  for (const layer of channels(rows)) {
    const width = layer.length / rows.length
    const deviations = new Float64Array(chunk)
    for (let start = 0; start < scored; start += chunk) {
      const range = rangeOf(layer.subarray((start + chunk) * width, (start + 2 * chunk) * width), width)
      for (let offset = 0; offset < width; offset += headSize) {
        for (let i = 0; i < chunk; i++) {
          deviations[i] = deviationOf(layer, (start + i) * width, range, offset, offset + headSize)
        }
        addSoftmax(deviations, scores, start)
      }
    }
    heads += width / headSize
  }
  return scores.map((score, i) => (i < scored ? score / heads : stays))
}

/** Of each channel. */
interface ChannelRange {
  /** One over the difference of the largest and the smallest number; 0 where there is none. */
  readonly scale: Float64Array
  /** The smallest number times that. */
  readonly least: Float64Array
}

/** @param chunk shape [rows x width] */
function rangeOf(chunk: Float32Array, width: number): ChannelRange {
  const least = Float64Array.from(chunk.subarray(0, width))
  const most = least.slice()
  for (let from = width; from < chunk.length; from += width) {
    for (let channel = 0; channel < width; channel++) {
      const value = chunk[from + channel] as number
      if (value < (least[channel] as number)) least[channel] = value
      else if (value > (most[channel] as number)) most[channel] = value
    }
  }
  const scale = most.map((value, channel) => {
    const range = value - (least[channel] as number)
    return range > 0 ? 1 / range : 0
  })
  return { scale, least: least.map((value, channel) => value * (scale[channel] as number)) }
}

/** Standard deviation of a vector's shares of the range over channels `first` to `end` - 1; that of a sample (over n - 1). */
function deviationOf(
  layer: Float32Array,
  from: number,
  { scale, least }: ChannelRange,
  first: number,
  end: number,
): number {
  let sum = 0
  let squares = 0
  for (let channel = first; channel < end; channel++) {
    const share = (layer[from + channel] as number) * (scale[channel] as number) - (least[channel] as number)
    sum += share
    squares += share * share
  }
  const n = end - first
  // Where all shares are equal, rounding may leave less than nothing.
  return Math.sqrt(Math.max(0, squares - (sum * sum) / n) / Math.max(1, n - 1))
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
