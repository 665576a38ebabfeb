/**
 * KeyDiff, arXiv 2504.15364: the question, the local window and the answer stay; of the rest those leave whose keys are most
 * like the mean of all. Needs no predictor and no attention. One score for each cell, the mean over layers and key heads, where
 * the paper chooses for each head; the paper protects nothing but recent cells. No parameters.
 */
import { z } from 'zod'
import { keyDifference } from '../key-difference.ts'
import type { PolicyDefinition } from '../policy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'

export const keydiff: PolicyDefinition = {
  name: 'keydiff',
  summary: 'cells whose keys are like the mean of all leave',
  evicts: true,
  needs: new Set(['keys']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: () => ({
    score: (candidates, cells) => keyDifference(suppliedKeys(cells), candidates),
  }),
}
