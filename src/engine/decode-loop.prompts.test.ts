/** Equal prompts are read once: the cells of the others are copied, and nothing else changes. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { findPolicy, policyNames } from '../eviction/registry.ts'
import { expectedTokens } from './forward-pass.fake.ts'
import { FakeLoop, runAlone } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { tokens } from './vocabulary.fake.ts'

const prompt = tokens('Q|a|b|a|a|b')
const sample = (seed: number, extra: Partial<GenerateRequest> = {}): GenerateRequest => {
  return { prompt: { tokens: prompt }, policy: 'full', seed, maxTokens: 6, ...extra }
}
/** How many prompt tokens were computed. */
const computed = ({ forward }: FakeLoop) =>
  forward.passes.filter(({ kind }) => kind === 'append').reduce((sum, { count }) => sum + count, 0)
const cached = (loop: FakeLoop, ids: readonly number[]) => ids.map((id) => loop.result(id).usage.cachedPromptTokens)

test.each([1, 3])('four samples, %d at a time: the first reads the prompt', (sequences) => {
  const loop = new FakeLoop({ sequences, batchTokens: 2 })
  const ids = [0, 1, 2, 3]
  for (const id of ids) loop.submit(id, sample(id))
  loop.finish()
  for (const id of ids) expect(loop.generated(id)).toEqual(expectedTokens(prompt, id, 6))
  expect(cached(loop, ids)).toEqual([0, 5, 5, 5])
  // Each reads the last token.
  expect(computed(loop)).toBe(5 + 4)
})

test('only equal prompts are copied, and only as many are kept as there are sequences', () => {
  const loop = new FakeLoop({ sequences: 1 })
  const other = tokens('Q|a|b|a|a|a|b')
  loop.submit(0, sample(0)).submit(1, sample(1, { prompt: { tokens: other } }))
  loop.submit(2, sample(2, { prompt: { tokens: other } })).submit(3, sample(3))
  loop.finish()
  expect(cached(loop, [0, 1, 2, 3])).toEqual([0, 0, 6, 0])
  expect(loop.generated(2)).toEqual(expectedTokens(other, 2, 6))
})

test('the first is cancelled while it reads: the second reads for itself', () => {
  const loop = new FakeLoop({ sequences: 2, batchTokens: 1 })
  loop.submit(0, sample(0)).submit(1, sample(1)).submit(2, sample(2))
  loop.step()
  loop.step()
  loop.loop.cancel(0)
  loop.finish()
  expect(cached(loop, [0, 1, 2])).toEqual([0, 0, 5])
  expect(loop.generated(1)).toEqual(expectedTokens(prompt, 1, 6))
})

test('a policy that looks at the attention of the prompt reads it', () => {
  const bound = { policy: 'snapkv', policyOptions: { observationWindow: 6 }, budget: 9, localWindow: 2, ratio: 0.5 }
  const loop = new FakeLoop({ sequences: 1, attention: true })
  loop
    .submit(0, sample(0))
    .submit(1, sample(1, bound))
    .submit(2, sample(2, { ...bound, budget: 30 }))
  loop.finish()
  expect(cached(loop, [0, 1, 2])).toEqual([0, 0, 5])
  const alone = runAlone(sample(1, bound), { attention: true })
  expect(loop.evictions(1)).toEqual(alone.evictions(1))
  expect(loop.evictions(1).length).toBeGreaterThan(0)
})

test('under every policy: what each would do alone', () => {
  const arrivals = fc.array(
    fc.record({
      seed: fc.nat(100),
      text: fc.integer({ min: 1, max: 3 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      policy: fc.constantFrom(...policyNames()),
      budget: fc.integer({ min: 24, max: 40 }),
      delay: fc.nat(5),
    }),
    { minLength: 2, maxLength: 8 },
  )
  let copies = 0
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 3 }), (all, sequences) => {
      const loop = new FakeLoop({ sequences, attention: true })
      const requests = all.map(({ seed, text, maxTokens, policy, budget }): GenerateRequest => {
        const bound = findPolicy(policy).evicts ? { budget, localWindow: 4, ratio: 0.4 } : {}
        const options = policy === 'streaming-llm' ? { policyOptions: { sinks: 1 } } : {}
        const long = Array.from({ length: 5 * text }, (_, i) => 4 + ((i + text) % 20))
        return { prompt: { tokens: long }, seed, maxTokens, policy, ...bound, ...options }
      })
      requests.forEach((request, id) => {
        for (let i = 0; i < (all[id]?.delay ?? 0); i++) loop.step()
        loop.submit(id, request)
      })
      loop.finish()
      requests.forEach((request, id) => {
        const alone = runAlone(request, { attention: true })
        expect(loop.generated(id)).toEqual(alone.generated(1))
        expect(loop.evictions(id)).toEqual(alone.evictions(1))
        expect(loop.result(id).cache).toEqual(alone.result(1).cache)
        copies += Math.sign(loop.result(id).usage.cachedPromptTokens)
      })
    }),
    { numRuns: 60 },
  )
  expect(copies).toBeGreaterThan(50)
})
