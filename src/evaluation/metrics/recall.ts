/**
 * Facts that a trace states once, by how far they are from where they are needed. Paired differences are over the facts that both
 * policies have.
 */
import {
  differenceOf,
  estimate,
  itemMeans,
  mean,
  type Estimate,
  type EstimateOptions,
  type OfItem,
} from './estimate.ts'

/** What a replay tells of its fact; the fields are those of a record. */
export interface RecalledItem extends OfItem {
  readonly recall: {
    readonly distance: number
    readonly tokensBetween: number
    readonly held: number
    readonly right: boolean
    readonly logprob: number
  }
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
  options: EstimateOptions = {},
): RecallSummary[] {
  const distances = [...new Set(facts.map(({ recall }) => recall.distance))].sort((a, b) => a - b)
  return distances.map((distance) => {
    const at = (all: readonly RecalledItem[]) => all.filter(({ recall }) => recall.distance === distance)
    const own = at(facts)
    const to = (others: readonly RecalledItem[], value: (fact: RecalledItem) => number) =>
      differenceOf(itemMeans(own, value), itemMeans(at(others), value), options)
    return {
      distance,
      tokensBetween: mean(own.map(({ recall }) => recall.tokensBetween)),
      held: estimate(
        itemMeans(own, ({ recall }) => recall.held),
        options,
      ),
      right: estimate(itemMeans(own, isRight), options),
      logprob: estimate(itemMeans(own, logprobOf), options),
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
