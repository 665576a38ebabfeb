/**
 * R-KV: Redundancy-aware KV Cache Compression for Reasoning Models, arXiv 2505.24133. The local window stays; of all other
 * cells, question and answer included, those leave that are of little importance and much like others:
 * score = lambda * I - (1 - lambda) * R.
 *
 * I is the mean attention of the last `rKvWindow` queries, then the largest of `rKvPool` candidates that are neighbours in
 * the order of positions. R is how alike the cell's keys are to those of all cells (`redundancy.ts`). Both are averaged over
 * layers and heads, where R-KV chooses for each head.
 *
 * - `rKvWindow`: queries that count; 8 in the paper's code.
 * - `rKvLambda`: the weight of importance; 0.1 in the paper.
 * - `rKvSimilarity`: the cosine above which the newest alike cell is not counted as redundant; 0.5 in the code.
 * - `rKvPool`: width of the pooling, an odd number; 7 in the code.
 */
import { z } from 'zod'
import { maxPool } from '../max-pool.ts'
import type { PolicyDefinition } from '../policy.ts'
import { RecentAttention } from '../recent-attention.ts'
import { redundancy } from '../redundancy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'

const windowRule = 'must be a whole number, 1 or more'
const shareRule = 'must be a number from 0 to 1'
const poolRule = 'must be an odd whole number, 1 or more'
const options = z.object({
  rKvWindow: z
    .int(windowRule)
    .min(1, windowRule)
    .default(8)
    .describe('of how many of the last queries attention counts'),
  rKvLambda: z
    .number(shareRule)
    .min(0, shareRule)
    .max(1, shareRule)
    .default(0.1)
    .describe('weight of attention against redundancy'),
  rKvSimilarity: z
    .number(shareRule)
    .min(0, shareRule)
    .max(1, shareRule)
    .default(0.5)
    .describe('cosine of keys above which the newest of alike cells is spared'),
  rKvPool: z
    .int(poolRule)
    .min(1, poolRule)
    .refine((width) => width % 2 === 1, poolRule)
    .default(7)
    .describe('neighbours over which the largest attention counts'),
})

export const rKv: PolicyDefinition<typeof options> = {
  name: 'r-kv',
  summary: 'cells of little attention that are much like others leave',
  evicts: true,
  needs: new Set(['attention', 'keys']),
  queries: ({ rKvWindow }) => rKvWindow,
  options,
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create({ rKvWindow, rKvLambda, rKvSimilarity, rKvPool }) {
    const recent = new RecentAttention(rKvWindow)
    return {
      observe: (step) => recent.observe(step),
      score(candidates, cells) {
        const importance = maxPool(recent.mean(candidates), rKvPool)
        const redundant = redundancy(suppliedKeys(cells), rKvSimilarity)
        return Float32Array.from(candidates, (position, i) => {
          return rKvLambda * (importance[i] ?? NaN) - (1 - rKvLambda) * (redundant.get(position) ?? NaN)
        })
      },
    }
  },
}
