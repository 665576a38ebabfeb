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
        setDeviations(
          layer.subarray(start * width, (start + chunk) * width),
          range,
          offset,
          offset + headSize,
          deviations,
        )
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

/** Four rows at a time, which the processor computes side by side. @param chunk shape [rows x width] */
function rangeOf(chunk: Float32Array, width: number): ChannelRange {
  const least = new Float64Array(width).fill(Infinity)
  const most = new Float64Array(width).fill(-Infinity)
  const last = chunk.length - width
  for (let a = 0; a <= last; a += 4 * width) {
    const [b, c, d] = [Math.min(a + width, last), Math.min(a + 2 * width, last), Math.min(a + 3 * width, last)]
    for (let channel = 0; channel < width; channel++) {
      const p = chunk[a + channel] as number
      const q = chunk[b + channel] as number
      const r = chunk[c + channel] as number
      const s = chunk[d + channel] as number
      let low = least[channel] as number
      let high = most[channel] as number
      if (p < low) low = p
      if (p > high) high = p
      if (q < low) low = q
      if (q > high) high = q
      if (r < low) low = r
      if (r > high) high = r
      if (s < low) low = s
      if (s > high) high = s
      least[channel] = low
      most[channel] = high
    }
  }
  const scale = most.map((value, channel) => {
    const range = value - (least[channel] as number)
    return range > 0 ? 1 / range : 0
  })
  return { scale, least: least.map((value, channel) => value * (scale[channel] as number)) }
}

/**
 * Of each row the standard deviation of its shares of the range over channels `first` to `end` - 1; that of a sample (over n - 1).
 * Four rows at a time.
 */
function setDeviations(
  chunk: Float32Array,
  { scale, least }: ChannelRange,
  first: number,
  end: number,
  deviations: Float64Array,
): void {
  const width = scale.length
  const last = chunk.length - width
  const n = end - first
  // Where all shares are equal, rounding may leave less than nothing.
  const deviation = (sum: number, squares: number) =>
    Math.sqrt(Math.max(0, squares - (sum * sum) / n) / Math.max(1, n - 1))
  for (let row = 0; row < deviations.length; row += 4) {
    const a = row * width
    const [b, c, d] = [Math.min(a + width, last), Math.min(a + 2 * width, last), Math.min(a + 3 * width, last)]
    let sumA = 0
    let sumB = 0
    let sumC = 0
    let sumD = 0
    let squaresA = 0
    let squaresB = 0
    let squaresC = 0
    let squaresD = 0
    for (let channel = first; channel < end; channel++) {
      const factor = scale[channel] as number
      const zero = least[channel] as number
      const p = (chunk[a + channel] as number) * factor - zero
      const q = (chunk[b + channel] as number) * factor - zero
      const r = (chunk[c + channel] as number) * factor - zero
      const s = (chunk[d + channel] as number) * factor - zero
      sumA += p
      sumB += q
      sumC += r
      sumD += s
      squaresA += p * p
      squaresB += q * q
      squaresC += r * r
      squaresD += s * s
    }
    deviations[row] = deviation(sumA, squaresA)
    // Beyond the last row nothing is written.
    deviations[row + 1] = deviation(sumB, squaresB)
    deviations[row + 2] = deviation(sumC, squaresC)
    deviations[row + 3] = deviation(sumD, squaresD)
  }
}

/** sums[start + i] += softmax(values)[i]; `values` are used up. */
function addSoftmax(values: Float64Array, sums: Float64Array, start: number): void {
  let largest = -Infinity
  for (let i = 0; i < values.length; i++) if ((values[i] as number) > largest) largest = values[i] as number
  let total = 0
  for (let i = 0; i < values.length; i++) {
    const power = Math.exp((values[i] as number) - largest)
    values[i] = power
    total += power
  }
  for (let i = 0; i < values.length; i++) sums[start + i] = (sums[start + i] as number) + (values[i] as number) / total
}
