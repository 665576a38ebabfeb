/**
 * What a new predictor recommends, by the replay loss on traces that it was not trained on. Something else than the usual is
 * recommended only where the difference cannot be chance.
 */
import { isDeepStrictEqual } from 'node:util'
import { replayLossDifference, type ReplayedSample } from '../evaluation/metrics/replay-loss.ts'

/** Budgets in cells, smallest first: the prompt's cells and a share of the thinking's. */
export interface CandidateBudget {
  readonly budget: number
  readonly localWindow: number
}

/** Settings under which policies are compared: with a ratio, or with so many cells at each eviction. */
export interface MeasuredPoint extends CandidateBudget {
  readonly ratio?: number
  readonly evictEvery?: number
}

export interface MeasuredPolicy {
  readonly policy: string
  /** Of `dynts-diverse`: its weight. */
  readonly diversity?: number | undefined
}

export type RecommendedPoint = MeasuredPolicy & MeasuredPoint

/** One policy under one set of settings, on the held-out traces. */
export interface HeldOutLosses extends MeasuredPolicy {
  /** null: the full cache. */
  readonly point: MeasuredPoint | null
  readonly losses: readonly ReplayedSample[]
}

/** The largest loss to the full cache that a recommended budget may have, in nats. */
const mostLoss = 0.02

const thinkingShares = [1 / 4, 1 / 3, 1 / 2]
/** Of the thinking's cells, and the window's share of these. */
const windowShare = 1 / 4
/** Budgets are its multiples. */
const step = 16
/** With fewer cells for the thinking there is nothing to choose from. */
const fewestCells = 8

/**
 * A quarter, a third and a half of the median thinking, behind the median prompt; the local window is a quarter of that share.
 * @returns smallest first; none if the thinking is too short to be bounded
 */
export function candidateBudgets(
  traces: readonly { readonly promptTokens: number; readonly thinkingTokens: number }[],
): CandidateBudget[] {
  const prompt = median(traces.map(({ promptTokens }) => promptTokens))
  const thinking = median(traces.map(({ thinkingTokens }) => thinkingTokens))
  return thinkingShares.flatMap((share) => {
    const cells = Math.ceil(share * thinking)
    if (cells < fewestCells) return []
    return [{ budget: Math.ceil((prompt + cells) / step) * step, localWindow: Math.floor(windowShare * cells) }]
  })
}

/**
 * The smallest budget under which the better policy loses at most `mostLoss` to the full cache; if none does, the largest.
 * @param policies the usual one, and others that are taken where they are better beyond chance
 * @returns undefined if none was measured
 */
export function recommendPoint(
  measured: readonly HeldOutLosses[],
  points: readonly MeasuredPoint[],
  policies: readonly MeasuredPolicy[],
  seed = 1,
): RecommendedPoint | undefined {
  const choices = [...points]
    .sort((a, b) => a.budget - b.budget)
    .flatMap((point) => {
      const [usual, ...others] = policies
        .map((one) => ({ ...one, ...point }))
        .filter((one) => lossesAt(measured, one, point).length > 0)
      return usual ? [bestOf(measured, usual, others, seed)] : []
    })
  const full = lossesAt(measured, { policy: 'full' }, null)
  const isGood = (one: RecommendedPoint) =>
    (replayLossDifference(lossesUnder(measured, one), full)?.mean ?? Infinity) <= mostLoss
  return choices.find(isGood) ?? choices.at(-1)
}

/** The usual one, unless others are better beyond chance. */
export function bestOf(
  measured: readonly HeldOutLosses[],
  usual: RecommendedPoint,
  others: readonly RecommendedPoint[],
  seed = 1,
): RecommendedPoint {
  return others.reduce(
    (best, one) => (isSurelyBetter(lossesUnder(measured, one), lossesUnder(measured, best), seed) ? one : best),
    usual,
  )
}

export function lossesUnder(
  measured: readonly HeldOutLosses[],
  { policy, diversity, ...point }: RecommendedPoint,
): readonly ReplayedSample[] {
  return lossesAt(measured, { policy, diversity }, point)
}

/** None: it was not measured there. @param point one of those that were measured; null: the full cache */
export function lossesAt(
  measured: readonly HeldOutLosses[],
  { policy, diversity }: MeasuredPolicy,
  point: MeasuredPoint | null,
): readonly ReplayedSample[] {
  const found = measured.find(
    (one) => one.policy === policy && one.diversity === diversity && isDeepStrictEqual(one.point, point),
  )
  return found?.losses ?? []
}

/** Whether `a` has the lower loss on the traces of both, with a 95 % interval that excludes 0. */
export function isSurelyBetter(a: readonly ReplayedSample[], b: readonly ReplayedSample[], seed = 1): boolean {
  const interval = replayLossDifference(a, b, seed)?.interval
  return interval ? interval.high < 0 : false
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
