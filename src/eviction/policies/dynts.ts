/**
 * DynTS, arXiv 2601.18383: the question, the local window and the answer stay; of the thinking tokens the least
 * important leave, by the importance predictor's estimate. No parameters beyond the cache's.
 */
import { z } from 'zod'
import { importancePolicy } from '../importance-policy.ts'
import type { PolicyDefinition } from '../policy.ts'

export const dynts: PolicyDefinition = {
  name: 'dynts',
  summary: 'the least important thinking leaves, as the predictor sees it',
  evicts: true,
  needs: new Set(['hidden-state']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: (_options, context) => importancePolicy(context, (importance, candidates) => importance.scores(candidates)),
}
