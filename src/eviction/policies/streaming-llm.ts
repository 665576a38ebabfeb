/**
 * StreamingLLM, arXiv 2309.17453: the first cells of the text (attention sinks) stay, of the rest the oldest leave.
 * Unlike in that paper, positions never shift.
 *
 * - `sinks`: how many of the first cells stay; 4 in the paper.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { positionScore } from '../position-score.ts'

const sinksRule = 'must be a whole number, 0 or more'
const options = z.object({
  sinks: z
    .int(sinksRule)
    .min(0, sinksRule)
    .default(4)
    .describe('how many of the first cells never leave (attention sinks)'),
})

export const streamingLlm: PolicyDefinition<typeof options> = {
  name: 'streaming-llm',
  summary: 'attention sinks and the newest cells stay',
  evicts: true,
  needs: new Set(),
  byAge: true,
  options,
  protects: ({ sinks }) => ({ question: false, localWindow: false, answer: false, sinks }),
  create: () => ({ score: positionScore }),
}
