/**
 * What a predictor's file says, as `dynts inspect` and `dynts predictor inspect` print it.
 */
import { factsTable } from '../output/facts-table.ts'
import { predictorShape, type PredictorCheckpoint } from '../../predictor/index.ts'

/** For people: what the file does not recommend is said in words. */
export function predictorTable(facts: Readonly<Record<string, unknown>>): string {
  const names = ['policy', 'diversity', 'budget', 'localWindow', 'ratio', 'evictEvery'] as const
  const words = Object.fromEntries(names.map((name) => [name, facts[name] ?? 'nothing recommended']))
  // Of these two a file recommends one.
  if (facts['ratio'] !== null) words['evictEvery'] = 'none: the ratio takes its place'
  if (facts['evictEvery'] !== null) words['ratio'] = 'none: evict every takes its place'
  return factsTable({ ...facts, ...words })
}

/** null: the file does not say. Figures that are not defined become null as JSON. */
export function predictorFacts(checkpoint: PredictorCheckpoint) {
  const { target, label = null, policy = null, model, heldOut = null } = checkpoint
  const { diversity = null, budget = null, localWindow = null, ratio = null, evictEvery = null } = checkpoint
  return {
    schema: 'dynts.inspect.predictor/1',
    shape: predictorShape(checkpoint),
    ...{ target, label, policy, diversity, budget, localWindow, ratio, evictEvery, model, heldOut },
  }
}
