/** What the looks of a run's tokens mean, which differs from policy to policy. No DOM. */
import type { PolicyFacts } from './api.ts'
import type { RunRecord } from './run-record.ts'

export interface Looks {
  /** False: nothing ever leaves. */
  readonly evicts: boolean
  readonly protectsQuestion: boolean
  readonly protectsLocalWindow: boolean
  /** Whether the policy gives tokens scores. */
  readonly hasScores: boolean
}

/**
 * @param policy undefined: the server knows none of that name, or there is no server; the run itself tells what it can
 * @param reference the policy's name, with what is protected besides: `h2o+question`
 * @param record of the run, if there is one
 */
export function looksOf(policy: PolicyFacts | undefined, reference: string, record?: RunRecord): Looks {
  const { evictions = [], promptCells = 0, start } = record ?? {}
  const isProtected = reference.includes('+question') || start?.protect?.includes('question') === true
  const hasLeft = evictions.some(({ evicted }) => (evicted[0]?.[0] ?? Infinity) < promptCells)
  return {
    evicts: policy?.evicts ?? start?.budget !== null,
    protectsQuestion: isProtected || (policy?.protects_question ?? !hasLeft),
    protectsLocalWindow: policy?.protects_local_window ?? true,
    hasScores: policy?.has_scores ?? (evictions.length === 0 || evictions.some(({ judged }) => judged.length > 0)),
  }
}
