/**
 * How much the scenarios measure: the paper's settings for R1-Distill-Qwen at the smaller budget (appendix C), and less of
 * everything for a shape that only shows that they run.
 */
import { planEviction, type CacheSettings, type EvictionPlan } from '../src/cache/budget.ts'
import type { Shape } from './shapes.ts'

export interface Sizes {
  /** A number of steps, cells or positions for this shape. */
  readonly of: (count: number) => number
  /** M: tokens of the question. */
  readonly promptTokens: number
  /** B 3000, W_l 1500, ratio 0.4. */
  readonly cache: CacheSettings
  readonly plan: EvictionPlan
  /** Tokens of one generation, 16,384. */
  readonly newTokens: number
}

export function sizesFor({ shortening }: Pick<Shape, 'shortening'>): Sizes {
  const of = (count: number) => Math.max(1, Math.round(count / shortening))
  const promptTokens = of(100)
  const cache = { budget: of(3000), localWindow: of(1500), ratio: 0.4 }
  return { of, promptTokens, cache, plan: planEviction(cache, promptTokens), newTokens: of(16_384) }
}
