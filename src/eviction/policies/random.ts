/**
 * Random thinking tokens leave, drawn afresh at each eviction from the sequence's seed: "T-Random" of DynTS, arXiv
 * 2601.18383. A control. No parameters.
 */
import { z } from 'zod'
import { mulberry32 } from '../../mulberry32.ts'
import type { PolicyDefinition } from '../policy.ts'

export const random: PolicyDefinition = {
  name: 'random',
  summary: 'random thinking leaves (T-Random in the paper)',
  evicts: true,
  needs: new Set(),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create(_options, { seed }) {
    const draw = mulberry32(seed)
    return { score: (candidates) => Float32Array.from(candidates, draw) }
  },
}
