/**
 * Whether a trained predictor is worth using, and which epoch's is the best.
 */
import { percent } from '../percent.ts'
import type { EpochEntry } from './training-state.ts'

export interface TrainingProblem {
  /** `useless`: no better than chance; a constant predictor is one. */
  readonly kind: 'diverged' | 'useless'
  readonly why: string
}

/** Below this, a predictor knows next to nothing of the order; a useful one has several times as much. */
const leastTau = 0.05
/** Scores that vary less than this share of what they estimate are constant. */
const leastSpread = 1e-3
const chance = 0.3

/** By Kendall's tau: eviction uses only the order of the scores. The earlier epoch of two equal ones stays. */
export function isBetterEpoch(entry: EpochEntry, best: EpochEntry | undefined): boolean {
  if (!Number.isFinite(entry.heldOut.mse)) return false
  const tau = best?.heldOut.kendallTau ?? NaN
  return best === undefined || Number.isNaN(tau) || entry.heldOut.kendallTau > tau
}

/** @param best undefined: no epoch gave finite scores */
export function problemOf(best: EpochEntry | undefined): TrainingProblem | undefined {
  if (!best) return { kind: 'diverged', why: 'its scores of the held-out traces are not finite' }
  const { heldOut, spread } = best
  const useless = (why: string) => ({ kind: 'useless' as const, why: `on the held-out traces ${why}` })
  if (spread < leastSpread) return useless(`all its scores are the same (spread ${spread.toExponential(1)})`)
  if (!(heldOut.kendallTau > leastTau)) {
    return useless(
      `Kendall’s tau is ${heldOut.kendallTau.toFixed(3)}; a useful predictor has far more than ${leastTau}`,
    )
  }
  const found = heldOut.overlap['30'] ?? NaN
  if (!(found > chance)) {
    return useless(`its top 30 % hold ${percent(found)} of the truly important tokens; chance finds 30 %`)
  }
  return undefined
}
