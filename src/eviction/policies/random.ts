/**
 * Random thinking tokens leave, drawn afresh at each eviction from the sequence's seed: "T-Random" of DynTS, arXiv
 * 2601.18383. A control. No parameters.
 */
import { z } from 'zod'
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

/** Tommy Ettinger's Mulberry32 generator (public domain): uniform in [0, 1), cut to 24 bits so that float32 holds it. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 8) / 2 ** 24
  }
}
