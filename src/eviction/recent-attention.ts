/** The attention of the last few queries, whichever evictions lie between them. */
import type { AttentionRow, DecodeStep } from './policy.ts'
import { PositionSums } from './position-sums.ts'

export class RecentAttention {
  readonly #rows: AttentionRow[] = []
  readonly #most: number

  /** @param most how many queries are kept */
  constructor(most: number) {
    this.#most = most
  }

  /** Notes a step; one whose attention was not read is none of the last before an eviction. */
  observe({ attention }: DecodeStep): void {
    if (!attention) return
    if (this.#rows.length === this.#most) this.#rows.shift()
    this.#rows.push({ positions: attention.positions.slice(), weights: attention.weights.slice() })
  }

  /** Mean weight of the last queries (all of them, while there are fewer) on each position, 0 where it was not held. */
  mean(positions: Int32Array): Float32Array {
    if (this.#rows.length === 0) throw new Error('No attention was supplied.')
    const sums = new PositionSums()
    for (const row of this.#rows) sums.add(row)
    return sums.of(positions).map((sum) => sum / this.#rows.length)
  }
}
