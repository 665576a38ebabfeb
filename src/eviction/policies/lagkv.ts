/**
 * LagKV, arXiv 2504.04704: the question, the local window and the answer stay; of the rest those cells leave whose keys and values
 * are unremarkable beside the tokens that came next. Candidates are cut into chunks; each chunk is measured against the next one, so
 * the last chunk, with what is left over, stays as long as others can leave. Needs no predictor and no attention. One score for each
 * cell, the mean over layers and key heads, and one choice among all chunks, where the paper chooses for each head and chunk.
 *
 * - `lagChunk`: candidates in a chunk; 128 in the paper. Of few candidates a quarter of them.
 */
import { z } from 'zod'
import { lagScores } from '../lag-scores.ts'
import type { PolicyDefinition } from '../policy.ts'
import { rowsOf, suppliedKeys, suppliedValues } from '../supplied-vectors.ts'

const rule = 'must be a whole number, 1 or more'
const options = z.object({
  lagChunk: z.int(rule).min(1, rule).default(128).describe('candidates in a chunk, at most a quarter of all'),
})

export const lagkv: PolicyDefinition<typeof options> = {
  name: 'lagkv',
  summary: 'cells that stand out little from the tokens after them leave',
  evicts: true,
  needs: new Set(['keys', 'values']),
  options,
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create: ({ lagChunk }) => ({
    score(candidates, cells) {
      const vectors = [suppliedKeys(cells), suppliedValues(cells)]
      const chunk = Math.min(lagChunk, Math.ceil(candidates.length / 4))
      const sums = vectors.map((one) => lagScores(one, rowsOf(one, candidates), chunk))
      return Float32Array.from(candidates, (_, i) => sums.reduce((sum, scores) => sum + (scores[i] ?? NaN), 0))
    },
  }),
}
