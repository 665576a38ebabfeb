/**
 * The question and the recent tokens stay, the oldest thinking leaves: DynTS without its predictor. "w.o. T" in Table 2
 * of DynTS, arXiv 2601.18383, and the control without which a result proves nothing. No parameters.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { positionScore } from '../position-score.ts'

export const questionWindow: PolicyDefinition = {
  name: 'question-window',
  summary: 'the oldest thinking leaves; needs no predictor (w.o. T in the paper)',
  evicts: true,
  needs: new Set(),
  byAge: true,
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: () => ({ score: positionScore }),
}
