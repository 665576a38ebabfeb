/**
 * Scores of one sequence's tokens, computed late: hidden states are kept and scored a block at a time, so the predictor's
 * weights are read once for a block instead of once for a token. The scores are the same.
 */

/** What scores a block of hidden states; `ImportancePredictor` does. */
export interface BlockScorer {
  readonly hiddenSize: number
  scores(hiddenStates: Float32Array, count: number): Float32Array
}

/** Tokens that are scored in one matrix product. */
const blockLength = 128

export class DeferredScorer {
  /** Milliseconds spent in the predictor. */
  scoringMs = 0
  readonly #predictor: BlockScorer
  readonly #states: Float32Array
  readonly #pending = new Int32Array(blockLength)
  #pendingCount = 0
  /** By position; NaN where no token was pushed. */
  #scores = new Float32Array(1024).fill(NaN)

  constructor(predictor: BlockScorer) {
    this.#predictor = predictor
    this.#states = new Float32Array(blockLength * predictor.hiddenSize)
  }

  /** Stores the last hidden state, shape [d], of the token at `position`; it is copied. */
  push(position: number, hiddenState: Float32Array): void {
    this.#states.set(hiddenState, this.#pendingCount * this.#predictor.hiddenSize)
    this.#pending[this.#pendingCount++] = position
    if (this.#pendingCount === blockLength) this.#scoreBlock()
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
