/**
 * VaSE-DKV, arXiv 2606.03928: the question, the local window and the answer stay; of the rest those cells leave whose keys and values
 * are both short. Their lengths are measured through a random projection, drawn afresh at each eviction from the sequence's seed:
 * u = |k G|^2 * |v G|^2, divided by its sum over the candidates, per layer and key head. Needs no predictor and no attention. One
 * score for each cell, the mean over layers and key heads, where the paper chooses for each head. No parameters: G has 20 columns, as
 * in the paper, and serves all heads.
 */
import { z } from 'zod'
import type { PolicyDefinition } from '../policy.ts'
import { projectedSquares, randomProjection } from '../random-projection.ts'
import { layerPairs, rowsOf, suppliedKeys, suppliedValues } from '../supplied-vectors.ts'

const columns = 20

export const dkv: PolicyDefinition = {
  name: 'dkv',
  summary: 'cells of short keys and values leave, by a random projection',
  evicts: true,
  needs: new Set(['keys', 'values']),
  options: z.object({}),
  protects: () => ({ question: true, localWindow: true, answer: true }),
  create(_options, { seed }) {
    let evictions = 0
    return {
      score(candidates, cells) {
        const [keys, values] = [suppliedKeys(cells), suppliedValues(cells)]
        // The heads of values may be of another size than those of keys: the same matrix, as many of its rows.
        const projection = randomProjection(Math.max(keys.headSize, values.headSize), columns, seed, evictions++)
        const rows = rowsOf(keys, candidates)
        const scores = new Float64Array(rows.length)
        let heads = 0
        for (const [ofKeys, ofValues] of layerPairs(keys.layers(rows), values.layers(rows))) {
          const lengths = projectedSquares(ofKeys, keys.headSize, projection, keys.products)
          const others = projectedSquares(ofValues, values.headSize, projection, keys.products)
          const keyHeads = lengths.length / rows.length
          for (let head = 0; head < keyHeads; head++) addShares(lengths, others, head, keyHeads, scores)
          heads += keyHeads
        }
        return Float32Array.from(scores, (score) => score / heads)
      },
    }
  },
}

/** scores += a * b / sum(a * b) over the vectors of one head; nothing where all are zeros. @param a shape [n x heads], as is `b` */
function addShares(a: Float64Array, b: Float64Array, head: number, heads: number, scores: Float64Array): void {
  let sum = 0
  for (let i = head; i < a.length; i += heads) sum += (a[i] as number) * (b[i] as number)
  if (sum === 0) return
  for (let i = 0, at = head; i < scores.length; i++, at += heads) {
    scores[i] = (scores[i] as number) + ((a[at] as number) * (b[at] as number)) / sum
  }
}
