/**
 * TriAttention on cached keys: the question, the local window and the answer stay; of the rest those leave that future queries will look
 * at least, as told from the mean queries of the model, which `dynts calibrate` measures once. Needs no predictor and no attention. One
 * score for each cell, the mean over layers and key heads, where the paper chooses for each head. No parameters: future queries are 1, 2,
 * 4, ... 65,536 tokens ahead, as in the paper.
 */
import { z } from 'zod'
import { InputError } from '../../errors.ts'
import type { PolicyDefinition } from '../policy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'
import { triScores } from '../tri-scores.ts'

export const tri: PolicyDefinition = {
  name: 'tri',
  summary: 'cells that the model’s mean future query looks at least leave',
  evicts: true,
  needs: new Set(['keys', 'calibration']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create(_options, { calibration }) {
    if (!calibration) {
      throw new InputError(
        'missing_calibration',
        'This policy needs a calibration of the model: make one, or choose `policy: question-window`.',
      )
    }
    return {
      score(candidates, cells) {
        const next = (cells.held.at(-1) ?? -1) + 1
        return triScores(suppliedKeys(cells), candidates, next, calibration)
      },
    }
  },
}
