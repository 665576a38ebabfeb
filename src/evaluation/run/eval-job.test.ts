import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { largestSeed } from '../../llama/index.ts'
import { isInShard, itemSeed, jobKey, type EvalIdentity, type PlannedJob } from './eval-job.ts'
import { evalRecord, recordKey } from './eval-record.ts'
import { identity, jobOf, sampleRecord } from './records.fake.ts'

const keyed = (more: Partial<PlannedJob>, other: Partial<EvalIdentity> = {}) =>
  jobKey(jobOf(more), { ...identity, ...other })

describe('the key of a job', () => {
  const { settings } = jobOf()
  const changes: Record<string, Partial<PlannedJob>> = {
    kind: { kind: 'replay' },
    task: { task: 'gsm8k' },
    item: { item: 'q1' },
    question: { prompt: 'another' },
    'right answer': { expected: '9' },
    grading: { grading: 'math' },
    sample: { sample: 1 },
    policy: { policy: 'dynts' },
    'policy options': { policyOptions: { sinks: 5 } },
    'policy file': { policyHash: 'b' },
    'protected question': { protect: ['question'] },
    'protected answer': { protect: ['answer'] },
    seed: { seed: 2 },
    budget: { settings: { ...settings, budget: 1 } },
    'local window': { settings: { ...settings, localWindow: 1 } },
    ratio: { settings: { ...settings, ratio: 0 } },
    'evict-every': { settings: { ...settings, evictEvery: 9 } },
    segments: { settings: { ...settings, segments: 8 } },
    'value reserve': { settings: { ...settings, valueReserve: 0.25 } },
    'max tokens': { settings: { ...settings, maxTokens: 101 } },
    temperature: { settings: { ...settings, sampling: { ...settings.sampling, temperature: 0 } } },
    'top-p': { settings: { ...settings, sampling: { ...settings.sampling, topP: 1 } } },
    'top-k': { settings: { ...settings, sampling: { ...settings.sampling, topK: 0 } } },
    'cache type': { settings: { ...settings, kvType: 'f32' } },
  }
  test('differs if anything differs that the result depends on', () => {
    const keys = Object.values(changes).map((change) => keyed(change))
    const { model } = identity
    const files = [{ predictor: 'c' }, { template: 'c' }, { model: { ...model, sha256: 'd' } }]
    const others = files.map((other) => keyed({}, other))
    expect(new Set([keyed({}), ...keys, ...others]).size).toBe(keys.length + 4)
  })

  test('is what it was before records knew of protection and templates, where none is given', () => {
    expect(keyed({})).toBe('98418fbe4fd370a1e81e7c55875b1080')
    const old = { ...sampleRecord(jobOf(), true), protect: undefined, template: undefined }
    expect(recordKey(evalRecord.parse(JSON.parse(JSON.stringify(old))))).toBe(keyed({}))
  })

  test('does not depend on the order of options', () => {
    expect(keyed({ policyOptions: { a: 1, b: 2 } })).toBe(keyed({ policyOptions: { b: 2, a: 1 } }))
  })
})

test('the seed of a sample depends on run, task, item and sample, and llama.cpp takes it', () => {
  const seeds = [itemSeed(1, 'a', 'b', 0), itemSeed(2, 'a', 'b', 0), itemSeed(1, 'b', 'b', 0), itemSeed(1, 'a', 'b', 1)]
  expect(new Set(seeds).size).toBe(4)
  fc.assert(
    fc.property(fc.nat(), fc.string(), fc.nat(), (run, item, sample) => {
      const seed = itemSeed(run, 'chain', item, sample)
      expect(Number.isInteger(seed) && seed >= 0 && seed <= largestSeed).toBe(true)
    }),
  )
})

describe('shards', () => {
  test('every job is in exactly one, under every policy in the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(9), fc.integer({ min: 1, max: 7 }), (item, sample, count) => {
        const of = (policy: string) =>
          Array.from({ length: count }, (_, i) => isInShard(jobOf({ item, sample, policy }), { index: i + 1, count }))
        expect(of('full').filter(Boolean)).toHaveLength(1)
        expect(of('dynts')).toEqual(of('full'))
      }),
    )
  })

  test('are of about the same size', () => {
    const jobs = Array.from({ length: 500 }, (_, i) => jobOf({ item: `test-${i}` }))
    for (const index of [1, 2, 3]) {
      const share = jobs.filter((job) => isInShard(job, { index, count: 3 })).length / jobs.length
      expect(share).toBeGreaterThan(0.27)
      expect(share).toBeLessThan(0.4)
    }
  })
})
