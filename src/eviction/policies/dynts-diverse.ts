/**
 * Importance with diversity: as `dynts`, but of the thinking those tokens leave that are of little importance by the predictor's
 * estimate and whose keys are like the mean of all. score = z(importance) + lambda * z(keydiff), both over the candidates.
 * Not of the paper.
 *
 * - `diversity`: lambda; 0 gives the choice of `dynts`.
 */
import { z } from 'zod'
import { importancePolicy } from '../importance-policy.ts'
import { keyDifference } from '../key-difference.ts'
import type { PolicyDefinition } from '../policy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'
import { zScores } from '../z-scores.ts'

const rule = 'must be a number, 0 or more'
const options = z.object({
  diversity: z.number(rule).min(0, rule).default(0.3).describe('weight of unlike keys against importance'),
})

export const dyntsDiverse: PolicyDefinition<typeof options> = {
  name: 'dynts-diverse',
  summary: 'the least important thinking of the most usual keys leaves',
  evicts: true,
  needs: new Set(['hidden-state', 'keys']),
  options,
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: ({ diversity }, context) =>
    importancePolicy(context, (importance, candidates, cells) => {
      const important = zScores(importance.scores(candidates))
      const unlike = zScores(keyDifference(suppliedKeys(cells), candidates))
      return Float32Array.from(candidates, (_, i) => (important[i] ?? NaN) + diversity * (unlike[i] ?? NaN))
    }),
}
