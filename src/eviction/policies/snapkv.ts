/**
 * SnapKV: LLM Knows What You are Looking for Before Generation, arXiv 2404.14469, carried over from the prompt to decoding.
 * The local window stays; of all other cells, question and answer included, those leave that receive the least attention
 * from the last queries. No pooling. One mean over layers and heads, where SnapKV has one for each head.
 *
 * - `observationWindow`: of how many of the last queries the mean is taken; 32 in the paper. The prompt's rows count while
 *   there are not yet as many.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { RecentAttention } from '../recent-attention.ts'

const windowRule = 'must be a whole number, 1 or more'
const options = z.object({
  observationWindow: z
    .int(windowRule)
    .min(1, windowRule)
    .default(32)
    .describe('of how many of the last queries the attention counts'),
})

export const snapkv: PolicyDefinition<typeof options> = {
  name: 'snapkv',
  summary: 'the cells with the least attention of the last 32 queries leave',
  evicts: true,
  needs: new Set(['attention']),
  queries: ({ observationWindow }) => observationWindow,
  options,
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create({ observationWindow }) {
    const recent = new RecentAttention(observationWindow)
    return {
      observe: (step) => recent.observe(step),
      score: (candidates) => recent.mean(candidates),
    }
  },
}
