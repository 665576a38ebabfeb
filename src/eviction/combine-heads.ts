/** One score for each candidate from those of many heads, each of mean 0 and deviation 1 over the candidates. */

export interface CombinedHeads {
  /** Takes one more head's scores into account, shape [n]; the array may be used again afterwards. */
  add(scores: Float64Array): void
  /** Shape [n]. */
  scores(): Float32Array
}

/** The mean of all heads; zeros without any. */
export function meanOfHeads(count: number): CombinedHeads {
  const sums = new Float64Array(count)
  let heads = 0
  return {
    add(scores) {
      for (let i = 0; i < count; i++) sums[i] = (sums[i] as number) + (scores[i] as number)
      heads++
    },
    scores: () => Float32Array.from(sums, (sum) => sum / Math.max(1, heads)),
  }
}

/**
 * The highest score that any head gives; but candidates that no head has among its own best lie below all that some head has.
 * @param best how many of each head, 0..count
 */
export function unionOfHeads(count: number, best: number): CombinedHeads {
  const highest = new Float64Array(count).fill(-Infinity)
  const isChosen = new Uint8Array(count)
  return {
    add(scores) {
      const least = best > 0 ? (scores.slice().sort()[count - best] as number) : Infinity
      for (let i = 0; i < count; i++) {
        const score = scores[i] as number
        highest[i] = Math.max(highest[i] as number, score)
        if (score >= least) isChosen[i] = 1
      }
    },
    scores() {
      const finite = highest.filter(Number.isFinite)
      const range = finite.reduce((a, b) => Math.max(a, b), 0) - finite.reduce((a, b) => Math.min(a, b), 0)
      return Float32Array.from(highest, (score, i) =>
        Number.isFinite(score) ? score - (isChosen[i] ? 0 : range + 1) : 0,
      )
    },
  }
}
