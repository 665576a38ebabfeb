/**
 * DynTS (arXiv 2601.18383) upside down: the most important thinking tokens leave. A control that shows whether the
 * predictor's order matters. No parameters.
 */
import { z } from 'zod'
import { importancePolicy } from '../importance-policy.ts'
import type { PolicyDefinition } from '../policy.ts'

export const dyntsBottom: PolicyDefinition = {
  name: 'dynts-bottom',
  summary: 'the most important thinking leaves: a control',
  evicts: true,
  needs: new Set(['hidden-state']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: (_options, context) =>
    importancePolicy(context, (importance, candidates) => importance.scores(candidates).map((score) => -score)),
}
