/**
 * Facts that a trace states once, by how far they are from where they are needed. Paired differences are over the facts that both
 * policies have.
 */
import type { RecallResult } from '../run/eval-record.ts'
import { estimate, itemMeans, mean, pairedDifference } from './estimate.ts'
import type { Estimate, OfItem } from './estimate.ts'

/** What a replay tells of its fact. */
export interface RecalledItem extends OfItem {
  readonly recall: RecallResult
}

export interface RecallSummary {
  /** Tokens from the fact to its repetition, as asked for. */
  readonly distance: number
  /** As they are, on average. */
  readonly tokensBetween: number
  /** Share of the fact's cells that are held where its value is repeated. */
  readonly held: Estimate
  /** Share of facts of whose value every token was the likeliest one. */
  readonly right: Estimate
  /** Of the whole value, in nats. */
  readonly logprob: Estimate
  /** null: it is `full` (or `dynts`), or there is none with these facts. */
  readonly rightToFull: Estimate | null
  readonly rightToDynts: Estimate | null
  readonly logprobToFull: Estimate | null
  readonly logprobToDynts: Estimate | null
}

export interface RecallCompared {
  readonly full: readonly RecalledItem[]
  readonly dynts: readonly RecalledItem[]
}

/** One summary for each distance, from the nearest. */
export function recallSummaries(
  facts: readonly RecalledItem[],
  { full, dynts }: RecallCompared,
  seed = 1,
): RecallSummary[] {
  const distances = [...new Set(facts.map(({ recall }) => recall.distance))].sort((a, b) => a - b)
  return distances.map((distance) => {
    const at = (all: readonly RecalledItem[]) => all.filter(({ recall }) => recall.distance === distance)
    const own = at(facts)
    const to = (others: readonly RecalledItem[], value: (fact: RecalledItem) => number) =>
      pairedDifference(itemMeans(own, value), itemMeans(at(others), value), seed)
    const of = (value: (fact: RecalledItem) => number) => estimate(itemMeans(own, value), seed)
    return {
      distance,
      tokensBetween: mean(own.map(({ recall }) => recall.tokensBetween)),
      held: of(({ recall }) => recall.held),
      right: of(isRight),
      logprob: of(logprobOf),
      rightToFull: to(full, isRight),
      rightToDynts: to(dynts, isRight),
      logprobToFull: to(full, logprobOf),
      logprobToDynts: to(dynts, logprobOf),
    }
  })
}

function isRight({ recall }: RecalledItem): number {
  return recall.right ? 1 : 0
}

function logprobOf({ recall }: RecalledItem): number {
  return recall.logprob
}
