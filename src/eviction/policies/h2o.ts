/**
 * H2O: Heavy-Hitter Oracle for Efficient Generative Inference of Large Language Models, arXiv 2306.14048. The local window
 * stays; of all other cells, question and answer included, those leave that received the least attention, summed over all
 * queries so far: the prompt's rows and the cell's own query too. No parameters: the heavy hitters' share follows from
 * budget and ratio. One sum over layers and heads, where H2O has one for each head.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { PositionSums } from '../position-sums.ts'

export const h2o: PolicyDefinition = {
  name: 'h2o',
  summary: 'the cells with the least attention so far leave',
  evicts: true,
  needs: new Set(['attention']),
  options: z.object({}),
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create() {
    const received = new PositionSums()
    return {
      observe({ attention }) {
        if (attention) received.add(attention)
      },
      score(candidates, { held }) {
        const newest = held.at(-1) ?? -1
        if (received.queries !== newest + 1) {
          throw new Error(`The attention of ${received.queries} queries was supplied, not of ${newest + 1}.`)
        }
        return received.of(candidates)
      },
    }
  },
}
