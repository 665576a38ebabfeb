/**
 * What a new predictor recommends, by the replay loss on traces that it was not trained on. Something else than the usual is
 * recommended only where the difference cannot be chance.
 */
import type { EstimateOptions } from '../evaluation/metrics/estimate.ts'
import { replayLossDifference, type ReplayedSample } from '../evaluation/metrics/replay-loss.ts'

/** One policy under one set of settings, on the held-out traces. */
export interface HeldOutLosses {
  readonly policy: string
  /** null: the full cache. */
  readonly budget: number | null
  /** null: the usual share of the cells leaves. */
  readonly evictEvery: number | null
  readonly losses: readonly ReplayedSample[]
}

/** Budgets in cells, smallest first: the prompt's cells and a share of the thinking's. */
export interface CandidateBudget {
  readonly budget: number
  readonly localWindow: number
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
 * @param usual the policy, unless the other one is better beyond chance
 */
export function recommendBudget(
  measured: readonly HeldOutLosses[],
  budgets: readonly number[],
  usual: string,
  other: string,
  options: EstimateOptions = {},
): { readonly policy: string; readonly budget: number } | undefined {
  const full = measured.find(({ budget }) => budget === null)
  const choices = [...budgets]
    .sort((a, b) => a - b)
    .flatMap((budget) => {
      const of = (policy: string) =>
        measured.find((one) => one.policy === policy && one.budget === budget && one.evictEvery === null)
      const [first, second] = [of(usual), of(other)]
      if (!first) return []
      const better = second && isBetter(second.losses, first.losses, options) ? second : first
      return [{ policy: better.policy, budget, losses: better.losses }]
    })
  const isGood = ({ losses }: Pick<HeldOutLosses, 'losses'>) =>
    full !== undefined && sharesItems(losses, full.losses) && replayLossDifference(losses, full.losses).mean <= mostLoss
  const chosen = choices.find(isGood) ?? choices.at(-1)
  return chosen && { policy: chosen.policy, budget: chosen.budget }
}

/** Whether `a` has the lower loss on the traces of both, with a 95 % interval that excludes 0. */
export function isBetter(
  a: readonly ReplayedSample[],
  b: readonly ReplayedSample[],
  options: EstimateOptions = {},
): boolean {
  if (!sharesItems(a, b)) return false
  const { interval } = replayLossDifference(a, b, options)
  return interval !== null && interval.high < 0
}

/** Whether there is a trace that both have replayed. */
export function sharesItems(a: readonly ReplayedSample[], b: readonly ReplayedSample[]): boolean {
  const items = new Set(b.map(({ item }) => item))
  return a.some(({ item }) => items.has(item))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}
