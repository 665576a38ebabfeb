/** How fast a training computes, beside what the machine does in a plain matrix product. */

export interface ThroughputFigures {
  /** Tokens that this run trained on, and the time that its steps took, reading the traces included. */
  readonly tokens: number
  readonly seconds: number
  /** Floating-point operations for one token: see `flopsPerToken`. */
  readonly flopsPerToken: number
  /** Floating-point operations that the training performed in a second. */
  readonly flopsPerSecond: number
  /** The same of a plain float32 matrix product, measured before and after. */
  readonly machineFlopsPerSecond: number
  /** The first by the second. */
  readonly ratio: number
}

/**
 * Floating-point operations of the matrix products that a step performs for one token, a multiplication and an addition
 * counting as two: 2P forward, 2P for the gradient of the P weights, and 2(P - P1) for that of each layer's input, which the
 * first layer with its P1 weights does not need. So it is less than the usual 6P. Not counted, though they take time: rows
 * of padding, activations, the optimiser, and the second forward pass that a ranking term needs.
 * @param shape sizes of input, inner layers and output
 */
export function flopsPerToken(shape: readonly number[]): number {
  const layers = shape.slice(1).map((rows, i) => rows * (shape[i] ?? 0))
  const weights = layers.reduce((sum, layer) => sum + layer, 0)
  return 4 * weights + 2 * (weights - (layers[0] ?? 0))
}

export class TrainingThroughput {
  readonly #flopsPerToken: number
  readonly #now: () => number
  readonly #machine: number[] = []
  #tokens = 0
  #milliseconds = 0

  /**
   * @param shape sizes of input, inner layers and output
   * @param now milliseconds that only grow
   */
  constructor(shape: readonly number[], now = () => performance.now()) {
    this.#flopsPerToken = flopsPerToken(shape)
    this.#now = now
  }

  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = this.#now()
    try {
      return await work()
    } finally {
      this.#milliseconds += this.#now() - start
    }
  }

  add(tokens: number): void {
    this.#tokens += tokens
  }

  /** Notes a measurement of the machine. */
  machine(flopsPerSecond: number): void {
    this.#machine.push(flopsPerSecond)
  }

  /** Undefined if nothing was trained. */
  figures(): ThroughputFigures | undefined {
    if (this.#tokens === 0 || this.#machine.length === 0) return undefined
    const seconds = this.#milliseconds / 1000
    const flopsPerSecond = (this.#tokens * this.#flopsPerToken) / seconds
    const machineFlopsPerSecond = this.#machine.reduce((sum, rate) => sum + rate, 0) / this.#machine.length
    return {
      tokens: this.#tokens,
      seconds,
      flopsPerToken: this.#flopsPerToken,
      flopsPerSecond,
      machineFlopsPerSecond,
      ratio: flopsPerSecond / machineFlopsPerSecond,
    }
  }
}
