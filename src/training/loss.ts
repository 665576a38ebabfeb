/** The loss of a few traces, and its gradient with respect to the predictor's outputs. */
import { mulberry32 } from '../mulberry32.ts'

/**
 * The part of a batch's loss that a few of its traces give; their tokens lie one behind the other in rows. The loss is the
 * mean over a trace's tokens, then over the batch's traces: MSE (the paper's Eq. 8, whose 1/K stands for 1/L) and, if asked
 * for, weight x a pairwise ranking term.
 */
export class TracesLoss {
  readonly rows: number
  readonly #targets: readonly Float32Array[]
  readonly #batchTraces: number
  /** Row by row: the target, and what a squared error counts in the batch's loss. */
  readonly #target: Float32Array
  readonly #weight: Float32Array
  #ranking: Float32Array | undefined
  #squaredError = 0

  /** @param batchTraces traces of the whole batch, of which these are a part */
  constructor(targets: readonly Float32Array[], batchTraces: number) {
    this.rows = targets.reduce((sum, target) => sum + target.length, 0)
    this.#targets = targets
    this.#batchTraces = batchTraces
    this.#target = new Float32Array(this.rows)
    this.#weight = new Float32Array(this.rows)
    let row = 0
    for (const target of targets) {
      this.#target.set(target, row)
      this.#weight.fill(1 / (target.length * batchTraces), row, row + target.length)
      row += target.length
    }
  }

  /** What these traces add to the batch's MSE; complete when the gradient of all rows was asked for. */
  get squaredError(): number {
    return this.#squaredError
  }

  /**
   * Adds the ranking term, which sees whole traces: for n random pairs of a trace's tokens with different targets,
   * -log sigmoid(s_i - s_j), where i is the more important one (RankNet, Burges et al. 2005).
   * @param outputs of all rows
   * @param seed determines the pairs
   * @returns what these traces add to the batch's ranking term, without the weight
   */
  addRanking(outputs: Float32Array, weight: number, seed: number): number {
    const gradient = new Float32Array(this.rows)
    const random = mulberry32(seed)
    let row = 0
    let sum = 0
    for (const target of this.#targets) {
      const end = row + target.length
      const share = 1 / this.#batchTraces
      sum += share * rank(outputs.subarray(row, end), target, gradient.subarray(row, end), weight * share, random)
      row = end
    }
    this.#ranking = gradient
    return sum
  }

  /**
   * Derivative of the batch's loss.
   * @param outputs of the rows that begin at `from`, shape [n]
   * @returns shape [n]
   */
  gradientOf(outputs: Float32Array, from: number): Float32Array {
    return outputs.map((output, i) => {
      const row = from + i
      const error = output - (this.#target[row] ?? NaN)
      const weight = this.#weight[row] ?? NaN
      this.#squaredError += weight * error * error
      return 2 * weight * error + (this.#ranking?.[row] ?? 0)
    })
  }
}

/** Adds to the gradient of one trace, and returns the mean over its pairs. */
function rank(
  outputs: Float32Array,
  target: Float32Array,
  gradient: Float32Array,
  weight: number,
  random: () => number,
): number {
  const pairs = randomPairs(target, random)
  let sum = 0
  for (const [better, worse] of pairs) {
    const difference = (outputs[better] ?? NaN) - (outputs[worse] ?? NaN)
    // log(1 + e^-x) without overflow for a large negative x.
    sum += Math.max(0, -difference) + Math.log1p(Math.exp(-Math.abs(difference)))
    const slope = -weight / (pairs.length * (1 + Math.exp(difference)))
    gradient[better] = (gradient[better] ?? 0) + slope
    gradient[worse] = (gradient[worse] ?? 0) - slope
  }
  return pairs.length === 0 ? 0 : sum / pairs.length
}

/** Up to n pairs of tokens, the one with the larger target first; a draw of equal targets is no pair. */
function randomPairs(target: Float32Array, random: () => number): [number, number][] {
  const draw = () => Math.floor(random() * target.length)
  const pairs: [number, number][] = []
  for (let drawn = 0; drawn < target.length; drawn++) {
    const [i, j] = [draw(), draw()]
    const difference = (target[i] ?? 0) - (target[j] ?? 0)
    if (difference !== 0) pairs.push(difference > 0 ? [i, j] : [j, i])
  }
  return pairs
}
