/**
 * Scores of one sequence's tokens, computed late: hidden states are kept until an eviction asks for scores, so the
 * predictor's weights are read once for a block of tokens instead of once for a token, and tokens that no eviction asks for
 * cost nothing. The scores are the same.
 */

/** What scores a block of hidden states; `ImportancePredictor` does. */
export interface BlockScorer {
  readonly hiddenSize: number
  scores(hiddenStates: Float32Array, count: number): Float32Array
}

/**
 * Hidden states are kept until an eviction asks for scores, but never more bytes of them than this: scoring stops the decoding, and
 * longer blocks save little (docs/benchmarks.md).
 */
const mostBytes = 512 * 2 ** 10

/** The most tokens that are scored together. @param hiddenSize d */
export function scoringBlockLength(hiddenSize: number): number {
  return Math.max(64, Math.floor(mostBytes / (hiddenSize * 4)))
}

export class DeferredScorer {
  /** Milliseconds spent in the predictor. */
  scoringMs = 0
  readonly #predictor: BlockScorer
  /** Tokens that are scored together at the latest. */
  readonly #blockLength: number
  #states: Float32Array
  readonly #pending: Int32Array
  #pendingCount = 0
  /** By position; NaN where no token was pushed. */
  #scores = new Float32Array(1024).fill(NaN)

  constructor(predictor: BlockScorer) {
    this.#predictor = predictor
    this.#blockLength = scoringBlockLength(predictor.hiddenSize)
    this.#pending = new Int32Array(this.#blockLength)
    this.#states = new Float32Array(64 * predictor.hiddenSize)
  }

  /** Stores the last hidden state, shape [d], of the token at `position`; it is copied. */
  push(position: number, hiddenState: Float32Array): void {
    const end = (this.#pendingCount + 1) * this.#predictor.hiddenSize
    if (end > this.#states.length) {
      const longer = new Float32Array(Math.min(end * 2, this.#blockLength * this.#predictor.hiddenSize))
      longer.set(this.#states)
      this.#states = longer
    }
    this.#states.set(hiddenState, end - this.#predictor.hiddenSize)
    this.#pending[this.#pendingCount++] = position
    if (this.#pendingCount === this.#blockLength) this.#scoreBlock()
  }

  /**
   * Predicted importance of each position, in the given order.
   * @throws Error for a position that was never pushed
   */
  scores(positions: Int32Array): Float32Array {
    this.#scoreBlock()
    return Float32Array.from(positions, (position) => {
      const score = this.#scores[position] ?? NaN
      if (Number.isNaN(score)) throw new Error(`the token at position ${position} has no score`)
      return score
    })
  }

  #scoreBlock(): void {
    const count = this.#pendingCount
    if (count === 0) return
    const start = performance.now()
    const scores = this.#predictor.scores(this.#states, count)
    for (let i = 0; i < count; i++) this.#store(this.#pending[i] ?? 0, scores[i] ?? NaN)
    this.#pendingCount = 0
    this.scoringMs += performance.now() - start
  }

  #store(position: number, score: number): void {
    if (position >= this.#scores.length) {
      const longer = new Float32Array(Math.max(position + 1, this.#scores.length * 2)).fill(NaN)
      longer.set(this.#scores)
      this.#scores = longer
    }
    this.#scores[position] = score
  }
}
