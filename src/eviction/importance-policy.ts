/**
 * What the policies of the DynTS family share: each generated token's hidden state goes to the importance predictor, and
 * scores come from its estimates.
 *
 * Source: DynTS, arXiv 2601.18383, section 4.
 */
import { InputError } from '../errors.ts'
import type { EvictionPolicy, HeldCells, ImportanceScorer, PolicyContext } from './policy.ts'

/**
 * A policy that scores with `score`, given the predictor.
 * @throws InputError `missing_predictor` when the context has no predictor
 */
export function importancePolicy(
  { importance, promptCells }: PolicyContext,
  score: (importance: ImportanceScorer, candidates: Int32Array, cells: HeldCells) => Float32Array,
): EvictionPolicy {
  if (!importance) {
    throw new InputError(
      'missing_predictor',
      'This policy needs an importance predictor that was trained for the model: give one, or choose `policy: question-window`.',
    )
  }
  return {
    observe({ position, hiddenState }) {
      if (position < promptCells) return
      if (!hiddenState) throw new Error(`No hidden state was supplied for position ${position}.`)
      importance.push(position, hiddenState)
    },
    score: (candidates, cells) => score(importance, candidates, cells),
  }
}
