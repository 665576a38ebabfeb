/**
 * What a step costs in floating-point operations with the full cache and with a bounded one, and when the predictor pays for
 * itself. Closed forms; knows neither bytes nor milliseconds.
 *
 * Source: arXiv 2601.18383, section 5 (Theorem 5.1, Corollary 5.2) and appendix A.
 */

/** d and L. */
export interface PaperShape {
  readonly hiddenSize: number
  readonly layers: number
}

/**
 * n: evictions until a sequence has so many tokens, prompt and generated ones (M + i).
 * @param leaving K: cells that leave at an eviction
 */
export function evictionsUntil(tokens: number, budget: number, leaving: number): number {
  return Math.max(0, Math.floor((tokens - budget) / leaving) + 1)
}

/** S_opt: cells of the bounded cache after the step that makes them so many tokens, its eviction included. */
export function boundedCells(tokens: number, budget: number, leaving: number): number {
  return tokens - evictionsUntil(tokens, budget, leaving) * leaving
}

/** Tokens (M + i) at which evictions happen, the last of them at `tokens` at the latest. */
export function evictionPoints(tokens: number, budget: number, leaving: number): number[] {
  return Array.from({ length: evictionsUntil(tokens, budget, leaving) }, (_, j) => budget + j * leaving)
}

/** C_mlp = 6d² + d: the predictor, for one token. */
export function predictorFlops(hiddenSize: number): number {
  return 6 * hiddenSize ** 2 + hiddenSize
}

/** Weights of the predictor: 2d × d, d/2 × 2d and 1 × d/2. */
export function predictorWeights(hiddenSize: number): number {
  return 3 * hiddenSize ** 2 + hiddenSize / 2
}

/** 4Ld: attention of one token over one cell, as the paper counts it: as if all query heads together were as wide as d. */
export function paperFlopsPerCell({ hiddenSize, layers }: PaperShape): number {
  return 4 * layers * hiddenSize
}

/**
 * Theorem 5.1: operations that a step saves after n evictions, the predictor's own taken off.
 * @param flopsPerCell attention of one token over one cell, in all layers
 */
export function gainFlops(evictions: number, leaving: number, flopsPerCell: number, hiddenSize: number): number {
  return evictions * flopsPerCell * leaving - predictorFlops(hiddenSize)
}

/** Corollary 5.2: K must be above this for a step to save anything after n evictions. */
export function breakEvenLeaving(evictions: number, flopsPerCell: number, hiddenSize: number): number {
  return predictorFlops(hiddenSize) / (evictions * flopsPerCell)
}

/** The first n after which a step saves something. */
export function firstGain(leaving: number, flopsPerCell: number, hiddenSize: number): number {
  return Math.floor(predictorFlops(hiddenSize) / (flopsPerCell * leaving)) + 1
}
