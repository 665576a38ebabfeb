/**
 * The full cache: every cell stays, so memory grows with the text. The upper bound of every comparison. No parameters.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'

export const full: PolicyDefinition = {
  name: 'full',
  summary: 'every cell stays; memory grows with the text',
  evicts: false,
  needs: new Set(),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: () => ({
    score() {
      throw new Error('The full cache never evicts, so it has no scores.')
    },
  }),
}
