/**
 * DynTS without the question window: the question's cells leave first, the oldest before the others, then the least
 * important thinking. The ablation "w.o. Q" of DynTS, arXiv 2601.18383. No parameters.
 */
import { z } from 'zod'
import { importancePolicy } from '../importance-policy.ts'
import type { PolicyDefinition } from '../policy.ts'

export const dyntsNoQuestion: PolicyDefinition = {
  name: 'dynts-no-question',
  summary: 'dynts without the question window (w.o. Q in the paper)',
  evicts: true,
  needs: new Set(['hidden-state']),
  options: z.object({}),
  protects: () => ({ question: false, localWindow: true, answer: true }),
  create: (_options, context) =>
    importancePolicy(context, (importance, candidates) => {
      const thinking = candidates.filter((position) => position >= context.promptCells)
      const scores = new Float32Array(candidates.length).fill(-Infinity)
      if (thinking.length > 0) scores.set(importance.scores(thinking), candidates.length - thinking.length)
      return scores
    }),
}
