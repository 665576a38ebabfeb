/**
 * SepLLM: Accelerate Large Language Models by Compressing One Segment into One Separator, arXiv 2412.12094. The local window
 * stays; of all other cells, question and answer included, the oldest that are no separators leave, then the oldest
 * separators. A separator is a token that is one of `. , ? ! ; :`, or one of them and white space, or white space only, and
 * the token that begins the text. No parameters. In the paper attention sinks stay too; here only a begin token does, as a
 * separator.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'

const separatorText = /^(\s+|\s*[.,?!;:]\s*)$/

export const sepllm: PolicyDefinition = {
  name: 'sepllm',
  summary: 'separators and the newest cells stay',
  evicts: true,
  needs: new Set(),
  options: z.object({}),
  protects: () => ({ question: false, localWindow: true, answer: false }),
  create(_options, { vocabulary }) {
    const separators = new Set<number>()
    return {
      observe({ position, token }) {
        if (token === vocabulary.bos || separatorText.test(vocabulary.textOf(token))) separators.add(position)
      },
      score: (candidates) => Float32Array.from(candidates, (position) => (separators.has(position) ? 1 : 0)),
    }
  },
}
