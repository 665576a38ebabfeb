/**
 * Entropy: the question, the local window and the answer stay; of the rest those tokens leave that were the least open choices. The
 * score of a token is the entropy of the distribution that it was chosen from, the model's own, before any temperature or filter.
 * Needs no predictor, no attention and no keys. No parameters.
 *
 * The tokens of high entropy are those at which reasoning forks ("Beyond the 80/20 Rule", arXiv 2506.01939). That they are the ones
 * to keep is no claim of that paper.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'

export const entropy: PolicyDefinition = {
  name: 'entropy',
  summary: 'tokens that the model was sure of leave',
  evicts: true,
  needs: new Set(['entropy']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create(_options, { promptCells }) {
    const seen = new Map<number, number>()
    return {
      observe(step) {
        if (step.position < promptCells) return
        if (step.entropy === undefined) throw new Error(`No entropy was supplied for position ${step.position}.`)
        seen.set(step.position, step.entropy)
      },
      score: (candidates) => Float32Array.from(candidates, (position) => seen.get(position) ?? NaN),
    }
  },
}
