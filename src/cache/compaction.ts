/**
 * Whether rewriting a sequence's cells contiguously after an eviction is worth its copy. Attention runs up to the highest
 * used cell, holes included, so without compaction evicting saves no time. Depends on numbers of cells only, never on a
 * clock: the order of the cells changes rounding, and a seed must give the same tokens again.
 */
import type { EvictionPlan } from './budget.ts'

export const compactionChoices = ['auto', 'on', 'off'] as const
export type CompactionChoice = (typeof compactionChoices)[number]

/** Copying one cell costs about as much as attending to it in this many steps (measured: docs/benchmarks.md). */
const stepsPerCopiedCell = 4
/** llama.cpp rounds the width of attention up to a multiple of this. */
const widthPadding = 256

/**
 * @param plan the eviction's plan; K cells leave and B - K are copied
 * @param sequences how many sequences share a batch: attention of all is as wide as the widest
 */
export function compactionPays(budget: number, plan: EvictionPlan, sequences: number): boolean {
  const remaining = budget - plan.leaving
  const pad = (cells: number) => Math.ceil(cells / widthPadding) * widthPadding
  if (pad(remaining) >= pad(budget)) return false
  // Over the K steps to the next eviction the widest of n sequences is on average K / (n + 1) cells below the budget.
  const savedCellSteps = (plan.leaving * plan.leaving) / (sequences + 1)
  return savedCellSteps > stepsPerCopiedCell * remaining
}
