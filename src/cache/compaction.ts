/**
 * Whether rewriting a sequence's cells contiguously after an eviction is worth its copy. Attention runs up to the highest
 * used cell, holes included, so without compaction evicting saves no time. Depends on numbers of cells only, never on a
 * clock: the order of the cells changes rounding, and a seed must give the same tokens again.
 */
import type { EvictionPlan } from './budget.ts'

export const compactionChoices = ['auto', 'on', 'off'] as const
export type CompactionChoice = (typeof compactionChoices)[number]

/**
 * Copying one cell costs about as much as attending to it in so many steps (measured: docs/benchmarks.md). Without flash
 * attention llama.cpp stores values transposed, and copies them element by element.
 */
const stepsPerCopiedCell = { flashAttention: 2, transposedValues: 25 }
/** llama.cpp rounds the width of attention up to a multiple of this. */
const widthPadding = 256

/** What of a cache decides what compaction costs and saves. */
export interface CompactionTerms {
  /** How many sequences share a batch: attention of all is as wide as the widest. */
  readonly sequences: number
  readonly flashAttention: boolean
  /**
   * On a GPU a copy costs by the number of runs of cells, each layer's of which is a copy of its own, and attending to holes costs next
   * to nothing: measured on an H200, 440 ms against 5 ms that it saves in a cycle of 840 steps.
   */
  readonly usesGpu: boolean
}

/** @param plan the eviction's plan; K cells leave and B - K are copied */
export function compactionPays(budget: number, plan: EvictionPlan, terms: CompactionTerms): boolean {
  const remaining = budget - plan.leaving
  const pad = (cells: number) => Math.ceil(cells / widthPadding) * widthPadding
  if (terms.usesGpu || pad(remaining) >= pad(budget)) return false
  // Over the K steps to the next eviction the widest of n sequences is on average K / (n + 1) cells below the budget.
  const savedCellSteps = (plan.leaving * plan.leaving) / (terms.sequences + 1)
  const cost = terms.flashAttention ? stepsPerCopiedCell.flashAttention : stepsPerCopiedCell.transposedValues
  return savedCellSteps > cost * remaining
}
