/** Attention that positions received, summed over queries. */
import type { AttentionRow } from './policy.ts'

export class PositionSums {
  #sums = new Float64Array(1024)
  #queries = 0

  /** Queries that were added. */
  get queries(): number {
    return this.#queries
  }

  /** O(n) for a query that saw n positions. */
  add({ positions, weights }: AttentionRow): void {
    for (let i = 0; i < positions.length; i++) {
      const position = positions[i] ?? 0
      if (position >= this.#sums.length) this.#grow(position + 1)
      this.#sums[position] = (this.#sums[position] ?? 0) + (weights[i] ?? 0)
    }
    this.#queries++
  }

  /** Shape [n] for n positions; 0 where no query saw one. */
  of(positions: Int32Array): Float32Array {
    return Float32Array.from(positions, (position) => this.#sums[position] ?? 0)
  }

  #grow(least: number): void {
    const sums = new Float64Array(Math.max(least, this.#sums.length * 2))
    sums.set(this.#sums)
    this.#sums = sums
  }
}
