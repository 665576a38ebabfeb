/**
 * DynTS without the local window: only the newest cell is safe from the predictor. The ablation "w.o. L" of DynTS,
 * arXiv 2601.18383. No parameters; the local window still counts in the number of cells that leave.
 */
import { z } from 'zod'
import { importancePolicy } from '../importance-policy.ts'
import type { PolicyDefinition } from '../policy.ts'

export const dyntsNoLocal: PolicyDefinition = {
  name: 'dynts-no-local',
  summary: 'dynts without the local window (w.o. L in the paper)',
  evicts: true,
  needs: new Set(['hidden-state']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: false, answer: true }),
  create: (_options, context) => importancePolicy(context, (importance, candidates) => importance.scores(candidates)),
}
