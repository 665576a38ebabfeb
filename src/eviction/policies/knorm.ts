/**
 * A Simple and Effective L2 Norm-Based Strategy for KV Cache Compression, arXiv 2406.11430 (Knorm). The local window stays;
 * of all other cells, question and answer included, those leave whose keys have the largest norm: keys of small norm draw
 * attention. No parameters. One mean over layers and key heads, where the paper chooses for each head, and spares some
 * layers.
 */
import { z } from 'zod'
import { keyNorms } from '../key-norms.ts'
import type { PolicyDefinition } from '../policy.ts'
import { suppliedKeys } from '../supplied-vectors.ts'

export const knorm: PolicyDefinition = {
  name: 'knorm',
  summary: 'the cells with the largest keys leave',
  evicts: true,
  needs: new Set(['keys']),
  options: z.object({}),
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create: () => ({
    score: (candidates, cells) => keyNorms(suppliedKeys(cells), candidates).map((norm) => -norm),
  }),
}
