/**
 * What the loop does when something fails, and what it refuses to begin.
 */
import { describe, expect, test } from 'vitest'
import { expectedTokens } from './forward-pass.fake.ts'
import { FakeLoop } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { tokens, vocabularySize } from './vocabulary.fake.ts'

const prompt = tokens('Q|a|b')
const window = { policy: 'question-window', localWindow: 2, ratio: 0.5 }

/** A request whose continuation a test can compute. */
function plain(seed: number, maxTokens: number, extra: Partial<GenerateRequest> = {}): GenerateRequest {
  return { prompt: { tokens: prompt }, policy: 'full', seed, maxTokens, ...extra }
}

describe('failures', () => {
  const bounded = { policy: 'dynts', budget: 14, localWindow: 2, ratio: 0.5 }

  test('scores that are NaN end that sequence only', () => {
    const loop = new FakeLoop(
      { sequences: 2 },
      {
        model: {
          createScorer: () => ({
            scoringMs: 0,
            push: () => undefined,
            scores: (at) => new Float32Array(at.length).fill(NaN),
          }),
        },
      },
    )
    loop
      .submit(1, plain(1, 40, bounded))
      .submit(2, plain(2, 40))
      .submit(3, plain(3, 4))
      .finish()
    expect(loop.of(1).error).toMatchObject({ message: expect.stringContaining('NaN') as string })
    expect(loop.of(1).events.some(({ type }) => type === 'finish')).toBe(false)
    expect(loop.generated(2)).toEqual(expectedTokens(prompt, 2, 40))
    expect(loop.generated(3)).toEqual(expectedTokens(prompt, 3, 4))
    expect(loop.forward.held.map(({ size }) => size)).toEqual([0, 0])
    expect(loop.samplers.map(({ disposals }) => disposals)).toEqual([1, 1, 1])
  })

  test('a policy that throws while it observes, and a sampler that draws nonsense, end their own sequences only', () => {
    const loop = new FakeLoop(
      { sequences: 3 },
      {
        scripts: { 3: [4, 5, 999] },
        model: {
          createScorer: () => ({
            scoringMs: 0,
            push: (position) => {
              if (position === 9) throw new Error('the predictor broke')
            },
            scores: (at) => new Float32Array(at.length),
          }),
        },
      },
    )
    loop
      .submit(1, plain(1, 40, bounded))
      .submit(2, plain(2, 20))
      .finish()
    expect(loop.of(1).error).toMatchObject({ message: 'the predictor broke' })
    expect(loop.tokenEvents(1).map(({ token: one }) => one)).toEqual(expectedTokens(prompt, 1, 7))
    expect(loop.generated(2)).toEqual(expectedTokens(prompt, 2, 20))
  })

  test('a sampler or predictor that cannot be made fails its request and gives the sequence id back', () => {
    const loop = new FakeLoop(
      { sequences: 1 },
      {
        model: {
          createScorer: () => {
            throw new Error('out of memory')
          },
        },
      },
    )
    loop
      .submit(1, plain(1, 5, bounded))
      .submit(2, plain(2, 5))
      .finish()
    expect(loop.of(1).error).toMatchObject({ message: 'out of memory' })
    expect(loop.generated(2)).toEqual(expectedTokens(prompt, 2, 5))
  })

  test('a failed forward pass fails those that run, not the one whose prompt is being read nor those that wait', () => {
    const loop = new FakeLoop({ sequences: 3, batchTokens: 2 })
    loop.submit(1, plain(1, 30)).submit(2, plain(2, 30))
    while (loop.tokenEvents(2).length < 3) loop.step()
    loop.submit(3, plain(3, 5, { prompt: { tokens: [...prompt, ...prompt, ...prompt] } }))
    loop.step()
    loop.submit(4, plain(4, 5))
    loop.forward.beforeDecode = () => {
      loop.forward.beforeDecode = () => undefined
      throw new Error('llama.cpp could not decode')
    }
    loop.finish()
    for (const id of [1, 2]) expect(loop.of(id).error).toMatchObject({ message: 'llama.cpp could not decode' })
    expect(loop.generated(3)).toEqual(expectedTokens([...prompt, ...prompt, ...prompt], 3, 5))
    expect(loop.generated(4)).toEqual(expectedTokens(prompt, 4, 5))
    expect(loop.forward.held.map(({ size }) => size)).toEqual([0, 0, 0])
    expect(loop.samplers.every(({ disposals }) => disposals === 1)).toBe(true)
  })

  test('a forward pass that fails every time ends everything and does not hang', () => {
    const loop = new FakeLoop({ sequences: 2 })
    loop.forward.beforeDecode = () => {
      throw new Error('broken')
    }
    for (let id = 0; id < 5; id++) loop.submit(id, plain(id, 5))
    loop.finish()
    for (let id = 0; id < 5; id++) expect(loop.of(id).error).toMatchObject({ message: 'broken' })
  })

  test('disposing the loop frees all samplers and cells', () => {
    const loop = new FakeLoop({ sequences: 2 })
    for (let id = 0; id < 4; id++) loop.submit(id, plain(id, 20))
    for (let i = 0; i < 5; i++) loop.step()
    loop.loop.dispose()
    expect(loop.samplers.map(({ disposals }) => disposals)).toEqual([1, 1])
    expect(loop.forward.held.map(({ size }) => size)).toEqual([0, 0])
  })
})

describe('what is refused before any compute', () => {
  const cases: [string, GenerateRequest][] = [
    ['prompt_too_long', { prompt: { tokens: Array.from({ length: 12 }, () => 11) }, ...window, budget: 14 }],
    ['cache_too_small', plain(1, 63)],
    ['cache_too_small', { prompt: { tokens: prompt }, ...window, budget: 65 }],
    ['unknown_policy', { prompt: { tokens: prompt }, policy: 'h3o' }],
    ['invalid_ratio', { prompt: { tokens: prompt }, ...window, budget: 20, ratio: 1.5 }],
    ['invalid_budget', { prompt: { tokens: prompt }, ...window, budget: 3 }],
    ['invalid_sampling', plain(-1, 5)],
    ['invalid_sampling', plain(1, 5, { sampling: { temperature: -1 } })],
    ['invalid_request', plain(1, 0)],
    ['invalid_request', plain(1, 5, { thinkingBudget: -1 })],
    ['invalid_request', plain(1, 5, { prompt: { tokens: [] } })],
    ['invalid_request', plain(1, 5, { prompt: { tokens: [1, vocabularySize] } })],
    ['invalid_request', plain(1, 5, { prompt: { tokens: [1.5] } })],
    ['invalid_request', plain(1, 5, { replay: [] })],
    ['invalid_request', plain(1, 5, { replay: [-1] })],
    ['invalid_request', plain(1, 5, { prompt: { messages: [] } })],
    [
      'policy_does_not_fit',
      { prompt: { tokens: prompt }, ...window, policy: 'streaming-llm', budget: 8, policyOptions: { sinks: 7 } },
    ],
  ]
  test.each(cases)('%s', (code, request) => {
    const loop = new FakeLoop({ cells: 64, sequences: 1 })
    expect(() => loop.submit(1, request)).toThrow(expect.objectContaining({ name: 'InputError', code }))
    expect(loop.loop.idle).toBe(true)
    expect(loop.forward.passes).toEqual([])
  })

  test('the full cache up to its last cell', () => {
    const loop = new FakeLoop({ cells: 64, sequences: 1 }).submit(1, plain(1, 62)).finish()
    expect(loop.generated(1)).toEqual(expectedTokens(prompt, 1, 62))
    expect(loop.forward.peaks).toEqual([64])
  })

  test('a policy without its predictor, an eviction from a model that allows none, a prompt beyond its context', () => {
    const refusal = (model: object, request: Partial<GenerateRequest>) => {
      const loop = new FakeLoop({}, { model })
      return () => loop.submit(1, { prompt: { tokens: prompt }, budget: 20, localWindow: 2, ...request })
    }
    expect(refusal({ hasPredictor: false }, { policy: 'dynts' })).toThrow(
      expect.objectContaining({ code: 'missing_predictor' }),
    )
    expect(refusal({ notEvictable: 'it is recurrent' }, { policy: 'window' })).toThrow(
      expect.objectContaining({
        code: 'model_not_evictable',
        message: expect.stringContaining('it is recurrent') as string,
      }),
    )
    expect(refusal({ notReadable: 'it is a hybrid' }, { policy: 'h2o' })).toThrow(
      expect.objectContaining({
        code: 'model_not_readable',
        message: expect.stringMatching(/h2o looks at attention weights.*: it is a hybrid\./) as string,
      }),
    )
    expect(refusal({ notReadable: 'it is a hybrid' }, { policy: 'window' })).not.toThrow()
    expect(refusal({ trainedContext: 3 }, {})).toThrow(expect.objectContaining({ code: 'prompt_too_long' }))
    expect(refusal({ trainedContext: 8 }, { replay: tokens('a|b|a|b|a|b') })).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })

  test('the policy of a request that names none is what the model allows', () => {
    const policyOf = (model: object) => {
      const loop = new FakeLoop({}, { model })
      loop.submit(1, { prompt: { tokens: prompt }, budget: 20, localWindow: 2, maxTokens: 2 }).finish()
      return loop.result(1).cache.policy
    }
    expect(policyOf({ hasPredictor: true })).toBe('dynts-diverse')
    expect(policyOf({ hasPredictor: true, notReadable: 'it is on a GPU' })).toBe('dynts')
    expect(policyOf({ hasPredictor: false })).toBe('question-window')
    expect(policyOf({ notEvictable: 'it is recurrent' })).toBe('full')
  })
})
