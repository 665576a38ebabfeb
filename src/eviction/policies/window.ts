/**
 * Sliding window: the oldest cells leave, the question's included. A control. No parameters.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { positionScore } from '../position-score.ts'

export const window: PolicyDefinition = {
  name: 'window',
  summary: 'the oldest cells leave, the question included',
  evicts: true,
  needs: new Set(),
  byAge: true,
  options: z.object({}),
  protects: () => ({ question: false, localWindow: false, answer: false }),
  create: () => ({ score: positionScore }),
}
