/**
 * A policy of one's own: of what may leave, tokens at odd positions leave before those at even ones, older before newer.
 */
import { definePolicy } from 'dynts'

export default definePolicy({
  name: 'every-other',
  protects: { question: true, localWindow: true, answer: true },
  create: () => ({
    score: (candidates) => Float32Array.from(candidates, (position) => (position % 2 === 0 ? 1 : 0)),
  }),
})
