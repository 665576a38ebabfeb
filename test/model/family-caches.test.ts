/**
 * Evictions by cached keys and values of models with sliding windows and of hybrids, in each cache type. A q8_0 cache rotates heads of 64, as
 * those of real models. To `dkv` a rotation is another random projection; heads of 32 are not rotated.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LoadedModel } from '../../src/engine/loaded-model.ts'
import type { KvType } from '../../src/llama/index.ts'
import { families, withHeads } from '../support/families.ts'
import { loadFamily, randomTokens } from '../support/load-family.ts'
import { runRequests } from '../support/run-requests.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-family-caches-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tokens = randomTokens(200, 4)
const request = {
  prompt: { tokens: tokens.slice(0, 20) },
  replay: tokens.slice(20),
  ...{ budget: 100, localWindow: 16, ratio: 0.5, evictionScores: true },
}
const formats = [
  { kvType: 'f16', tolerance: 0.003 },
  { kvType: 'q8_0', tolerance: 0.08 },
] as const

/** Root mean square of the differences of the half that is lowest, as a share of its range: what stays in any case may have scores far above. */
function difference(scores: Float32Array, expected: Float32Array): number {
  const low = [...expected.keys()].sort((a, b) => expected[a]! - expected[b]!).slice(0, expected.length / 2)
  const range = expected[low.at(-1)!]! - expected[low[0]!]!
  const differences = low.map((i) => (scores[i]! - expected[i]!) / range)
  return Math.hypot(...differences) / Math.sqrt(low.length)
}

const policies = [
  { headSize: 64, of: ['keydiff', 'lagkv', 'tri'] },
  { headSize: 32, of: ['dkv'] },
]
const cases = ['Gemma 3', 'gpt-oss', 'Granite 4, a hybrid', 'Qwen3.5, a hybrid'].flatMap((name) =>
  policies.map((one) => ({ name, ...one })),
)

describe.each(cases)('$name, heads of $headSize', ({ name, headSize, of }) => {
  let model: LoadedModel | undefined
  beforeAll(async () => {
    model = await loadFamily(folder, withHeads(families[name]!(), headSize))
  })
  afterAll(() => model?.dispose())

  test.each(of)('%s', (policy) => {
    const run = (kvType: KvType) => {
      const [only] = runRequests(model!, [{ ...request, policy }], { cells: 256, kvType, compaction: 'on' })
      return only!
    }
    const exact = run('f32')
    for (const { kvType, tolerance } of formats) {
      const { result, evictions } = run(kvType)
      expect(result.cache.evictions, kvType).toBe(exact.result.cache.evictions)
      expect(result.cache.peakCells, kvType).toBe(request.budget)
      // Until the first eviction the same cells are held; later ones follow from what it kept.
      const [scored, expected] = [evictions, exact.evictions].map(([first]) => first!.scored!)
      expect(scored!.positions).toEqual(expected!.positions)
      const found = difference(scored!.scores, expected!.scores)
      expect(found, kvType).toBeLessThan(tolerance)
      expect(found, kvType).toBeGreaterThan(0)
    }
  })
})
