/**
 * TriAttention on cached keys: the question, the local window and the answer stay; of the rest those leave that future queries will look
 * at least, as told from the mean queries of the model, which `dynts calibrate` measures once. Needs no predictor and no attention. One
 * score for each cell, where the paper chooses for each head. Future queries are 1, 2, 4, ... 65,536 tokens ahead, as in the paper.
 *
 * - `triHeads`: `mean` over layers and key heads; or `union`, which is TensorRT-LLM's way: of the cells that some head has among its own
 *   best, those that a head scores highest.
 */
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import { meanOfHeads, unionOfHeads } from '../combine-heads.ts'
import type { PolicyDefinition } from '../policy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'
import { triScores } from '../tri-scores.ts'

const options = z.object({
  triHeads: z
    .enum(['mean', 'union'], 'must be mean or union')
    .default('mean')
    .describe('how heads become one score: mean, or union of the best of each'),
})

export const tri: PolicyDefinition<typeof options> = {
  name: 'tri',
  summary: 'cells that the model’s mean future query looks at least leave',
  evicts: true,
  needs: new Set(['keys', 'calibration']),
  options,
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create({ triHeads }, { calibration }) {
    if (!calibration) {
      throw new InputError(
        'missing_calibration',
        'This policy needs a calibration of the model: make one, or choose `policy: question-window`.',
      )
    }
    return {
      score(candidates, cells) {
        const next = (cells.held.at(-1) ?? -1) + 1
        const { length } = candidates
        const combined = triHeads === 'mean' ? meanOfHeads(length) : unionOfHeads(length, length - cells.leaving)
        return triScores(suppliedKeys(cells), candidates, next, calibration, combined)
      },
    }
  },
}
