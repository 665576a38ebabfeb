/**
 * Which part of a thinking is kept.
 *
 * Source: arXiv 2601.18383, Figure 3 (top, bottom, random); the newest and the predicted ones are this project's.
 */
import { mulberry32 } from '../../mulberry32.ts'
import { byFallingScore } from '../importance-order.ts'

/** By measured importance, at random, by position, and by the predictor's scores. */
export const selections = ['top', 'bottom', 'random', 'newest', 'predicted'] as const
export type SelectionName = (typeof selections)[number]

/** What decides; each of shape [thinking]. */
export interface ThinkingScores {
  readonly importance: Float32Array
  /** Undefined: there is no predictor. */
  readonly predicted: Float32Array | undefined
}

/** How many of n tokens p % are: rounded down, and at least one. */
export function keptCount(n: number, percent: number): number {
  return Math.min(n, Math.max(1, Math.floor((n * percent) / 100)))
}

/**
 * Of equal scores the newer token counts as the higher. What is kept of less is a part of what is kept of more.
 * @param percent above 0, at most 100
 * @param seed of the random choice
 * @returns indices into the thinking, ascending
 */
export function keptTokens(
  selection: SelectionName,
  percent: number,
  scores: ThinkingScores,
  seed: number,
): Int32Array {
  const n = scores.importance.length
  const order = orderOf(selection, scores, seed)
  return order.slice(0, keptCount(n, percent)).sort()
}

function orderOf(selection: SelectionName, { importance, predicted }: ThinkingScores, seed: number): Int32Array {
  switch (selection) {
    case 'top':
      return byFallingScore(importance)
    case 'bottom':
      return byFallingScore(importance).reverse()
    case 'newest':
      return Int32Array.from(importance.keys()).reverse()
    case 'random':
      return byFallingScore(Float32Array.from(importance, mulberry32(seed)))
    case 'predicted':
      if (!predicted) throw new Error('there are no predicted scores')
      return byFallingScore(predicted)
  }
}
