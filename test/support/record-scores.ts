/**
 * Notes what policies of the registry score at each eviction, without changing what they do.
 */
import { vi } from 'vitest'
import { findPolicy } from '../../src/eviction/registry.ts'

/** For each eviction the score of each candidate. */
export type Scores = Map<number, number>[]

/**
 * Watches policies until `vi.restoreAllMocks`.
 * @returns for each seed of a sequence its scores
 */
export function recordScores(policies: Iterable<string>): Map<number, Scores> {
  const recorded = new Map<number, Scores>()
  for (const policy of new Set(policies)) {
    const definition = findPolicy(policy)
    const create = definition.create.bind(definition)
    vi.spyOn(definition, 'create').mockImplementation((options, context) => {
      const made = create(options, context)
      const own: Scores = []
      recorded.set(context.seed, own)
      return {
        observe: (step) => made.observe?.(step),
        score(candidates, cells) {
          const scores = made.score(candidates, cells)
          own.push(new Map(Array.from(candidates, (position, i) => [position, scores[i] ?? NaN])))
          return scores
        },
      }
    })
  }
  return recorded
}
