/**
 * TOVA: Transformers are Multi-State RNNs, arXiv 2401.06104. The local window stays; of all other cells, question and
 * answer included, those leave that receive the least attention from the last query. No parameters. One mean over layers
 * and heads, where TOVA chooses for each layer by itself.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { RecentAttention } from '../recent-attention.ts'

export const tova: PolicyDefinition = {
  name: 'tova',
  summary: 'the cells with the least attention of the last query leave',
  evicts: true,
  needs: new Set(['attention']),
  queries: () => 1,
  options: z.object({}),
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create() {
    const recent = new RecentAttention(1)
    return {
      observe: (step) => recent.observe(step),
      score: (candidates) => recent.mean(candidates),
    }
  },
}
