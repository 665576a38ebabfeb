/**
 * How fast a training computes, beside what the machine does in a plain matrix product. Knows nothing of what is trained.
 */

export interface ThroughputFigures {
  /** Tokens that this run trained on, and the time that its steps took, reading the traces included. */
  readonly tokens: number
  readonly seconds: number
  /** Floating-point operations of the training in a second. */
  readonly flopsPerSecond: number
  /** The same of a plain float32 matrix product, measured before and after. */
  readonly machineFlopsPerSecond: number
  /** The first by the second. */
  readonly ratio: number
}

export class Throughput {
  /** Forward, gradient of the weights, gradient of the inputs: each a multiplication and an addition for every weight. */
  readonly #flopsPerToken: number
  readonly #machine: number[] = []
  #tokens = 0
  #milliseconds = 0

  /** @param shape sizes of input, inner layers and output */
  constructor(shape: readonly number[]) {
    const weights = shape.slice(1).reduce((sum, rows, i) => sum + rows * (shape[i] ?? 0), 0)
    this.#flopsPerToken = 3 * 2 * weights
  }

  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now()
    try {
      return await work()
    } finally {
      this.#milliseconds += performance.now() - start
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
      flopsPerSecond,
      machineFlopsPerSecond,
      ratio: flopsPerSecond / machineFlopsPerSecond,
    }
  }
}
