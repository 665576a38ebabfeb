/**
 * One eviction's choice, the same for every policy: the cells that a policy does not protect, the policy's scores, and the K
 * lowest leave.
 */
import type { CacheSettings, EvictionPlan } from '../cache/budget.ts'
import { candidates as evictableCells } from '../cache/windows.ts'
import type { Protection } from '../cache/windows.ts'
import { InputError } from '../errors.ts'
import { lowestOutsideQuota, lowestScored, scoresOf } from './top-k.ts'

export interface SelectionInput {
  /** Positions of the held cells, ascending. */
  readonly held: Int32Array
  /** A `CellKind` for each held cell. */
  readonly kinds: Uint8Array
  readonly plan: EvictionPlan
  /** W_l. */
  readonly localWindow: number
  readonly protection: Protection
  /** So many parts of the candidates keep their share of what stays. Default: none does. */
  readonly segments?: number | undefined
  /** Candidates that stay whatever they score. Default: none do. */
  readonly reserve?: Reserve | undefined
  /** The policy's scores of the candidates, so many of which leave; not called when there are none. */
  readonly score: (candidates: Int32Array, leaving: number) => Float32Array
}

/** So many candidates stay: those of the highest scores of its own, at most all that stay. */
export interface Reserve {
  readonly cells: number
  readonly score: (candidates: Int32Array) => Float32Array
}

export interface Selection {
  /** The K positions that leave, ascending. */
  readonly leaving: Int32Array
  /** True when the candidates were fewer than K, so that answer cells had to leave too. */
  readonly degraded: boolean
  /** Positions that the policy scored, ascending, shape [n]. */
  readonly candidates: Int32Array
  /** Shape [n]. */
  readonly scores: Float32Array
}

/**
 * Chooses the K = `plan.leaving` cells that leave: the candidates of lowest score (of equal scores the older). If there
 * are fewer than K candidates, all of them and then the oldest answer cells outside the local window.
 * @throws InputError `policy_does_not_fit` when the protection leaves fewer than K cells even so; ask
 * `checkPolicyFits` beforehand
 */
export function selectLeaving(input: SelectionInput): Selection {
  const { held, kinds, plan, localWindow, protection, segments = 1, reserve, score } = input
  const { candidates, fallback } = evictableCells(held, kinds, protection, localWindow)
  const answerCells = plan.leaving - candidates.length
  if (answerCells > fallback.length) throw doesNotFit(candidates.length + fallback.length, plan.leaving)
  const count = Math.min(plan.leaving, candidates.length)
  const scores = candidates.length > 0 ? score(candidates, count) : new Float32Array()
  const free = reserve && candidates.length > count ? outsideReserve(candidates, count, reserve) : candidates
  const ofFree = scoresOf(free, candidates, scores)
  const lowest = segments > 1 ? lowestOutsideQuota(free, ofFree, count, segments) : lowestScored(free, ofFree, count)
  if (answerCells <= 0) return { leaving: lowest, degraded: false, candidates, scores }
  const leaving = Int32Array.from([...lowest, ...fallback.subarray(0, answerCells)]).sort()
  return { leaving, degraded: true, candidates, scores }
}

/** The candidates that are not reserved, ascending; `count` of them leave. */
function outsideReserve(candidates: Int32Array, count: number, { cells, score }: Reserve): Int32Array {
  const reserved = Math.min(cells, candidates.length - count)
  return lowestScored(candidates, score(candidates), candidates.length - reserved)
}

/**
 * Refuses, before any compute, a sequence whose evictions `selectLeaving` could not carry out. Only sinks can cause it:
 * without them the selection window alone offers W_s >= K cells.
 * @throws InputError `policy_does_not_fit`
 */
export function checkPolicyFits(settings: CacheSettings, plan: EvictionPlan, protection: Protection): void {
  const oldest = Math.max(protection.question ? plan.promptCells : 0, protection.sinks ?? 0)
  const newest = protection.localWindow ? settings.localWindow : 1
  const free = Math.max(0, settings.budget - oldest - newest)
  if (free < plan.leaving) throw doesNotFit(free, plan.leaving)
}

function doesNotFit(free: number, leaving: number): InputError {
  return new InputError(
    'policy_does_not_fit',
    `The policy protects too many cells: ${leaving} must leave at an eviction and only ${free} may; ` +
      'give fewer `sinks`, or raise `ratio` or `budget`.',
  )
}
