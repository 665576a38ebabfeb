import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { logprobOf } from './logprob.ts'
import { eos, expectedTokens, FakeLoop, fakeLogits, runAlone, token, tokens, vocabularySize } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'

const prompt = tokens('Q|a|b')
const window = { policy: 'question-window', localWindow: 2, ratio: 0.5 }

/** A request whose continuation a test can compute. */
function plain(seed: number, maxTokens: number, extra: Partial<GenerateRequest> = {}): GenerateRequest {
  return { prompt: { tokens: prompt }, policy: 'full', seed, maxTokens, ...extra }
}

describe('many sequences at once', () => {
  const arrivals = fc.array(
    fc.record({
      seed: fc.integer({ min: 0, max: 1000 }),
      promptLength: fc.integer({ min: 1, max: 20 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      policy: fc.constantFrom('full', 'window', 'dynts', 'random', 'streaming-llm', 'h2o', 'snapkv', 'r-kv'),
      /** Steps of the loop before it arrives. */
      delay: fc.nat(5),
    }),
    { minLength: 1, maxLength: 9 },
  )

  test('each gets the tokens that it would get alone, whoever shares its steps', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 8 }), (all, slots, batch) => {
        const loop = new FakeLoop({ cells: 64, sequences: slots, batchTokens: batch, attention: true })
        all.forEach(({ seed, promptLength, maxTokens, policy, delay }, id) => {
          for (let i = 0; i < delay; i++) loop.step()
          const text = Array.from({ length: promptLength }, (_, i) => 4 + ((i + id) % 20))
          const bound = policy === 'full' ? {} : { budget: 30, localWindow: 4, ratio: 0.4 }
          const options = policy === 'streaming-llm' ? { policyOptions: { sinks: 1 } } : {}
          loop.submit(id, { prompt: { tokens: text }, seed, maxTokens, policy, ...bound, ...options })
        })
        loop.finish()
        all.forEach(({ seed, promptLength, maxTokens }, id) => {
          const text = Array.from({ length: promptLength }, (_, i) => 4 + ((i + id) % 20))
          expect(loop.generated(id)).toEqual(expectedTokens(text, seed, maxTokens))
        })
        expect(loop.forward.held.every((stream) => stream.size === 0)).toBe(true)
        expect(loop.samplers.map(({ disposals }) => disposals)).toEqual(all.map(() => 1))
      }),
      { numRuns: 60 },
    )
  })

  test('a sequence joins when a slot is free and leaves when it is done', () => {
    const loop = new FakeLoop({ sequences: 2 })
    const lengths = [3, 12, 4, 5, 2]
    lengths.forEach((maxTokens, id) => loop.submit(id, plain(id, maxTokens)))
    const ended: number[] = []
    loop.onStep = (items) => {
      for (const item of items) if ('event' in item && item.event.type === 'finish') ended.push(item.id)
    }
    loop.finish()
    expect(ended).toEqual([0, 2, 3, 4, 1])
    const decodes = loop.forward.passes.filter(({ kind }) => kind === 'decode')
    expect(Math.max(...decodes.map(({ count }) => count))).toBe(2)
    // Every token but a generation's last is consumed by exactly one forward pass.
    const consumed = decodes.reduce((sum, { count }) => sum + count, 0)
    expect(consumed).toBe(lengths.reduce((sum, length) => sum + length - 1, 0))
  })

  test('one step decodes all that run in one forward pass', () => {
    const loop = new FakeLoop({ sequences: 4 })
    for (let id = 0; id < 4; id++) loop.submit(id, plain(id, 10))
    loop.finish()
    expect(loop.forward.passes.some(({ kind, count }) => kind === 'decode' && count === 4)).toBe(true)
  })

  test('a long prompt is read in pieces while the others go on', () => {
    const loop = new FakeLoop({ cells: 256, sequences: 2, batchTokens: 4 })
    loop.submit(0, plain(0, 60))
    while (loop.tokenEvents(0).length < 3) loop.step()
    const before = loop.forward.passes.length
    const long = Array.from({ length: 82 }, (_, i) => 4 + (i % 20))
    loop.submit(1, { prompt: { tokens: long }, policy: 'full', seed: 7, maxTokens: 3 }).finish()
    const passes = loop.forward.passes.slice(before)
    const pieces = passes.flatMap(({ kind, count }, i) => (kind === 'append' ? [{ i, count }] : []))
    expect(pieces.map(({ count }) => count)).toEqual([...Array.from({ length: 20 }, () => 4), 2])
    // Between two pieces of the prompt the other sequence gets a token.
    for (let k = 1; k < pieces.length; k++) {
      const between = passes.slice(pieces[k - 1]!.i + 1, pieces[k]!.i)
      expect(between).toEqual([{ kind: 'decode', sequences: [0], count: 1 }])
    }
    expect(loop.generated(0)).toEqual(expectedTokens(prompt, 0, 60))
    expect(loop.generated(1)).toEqual(expectedTokens(long, 7, 3))
  })

  test('is idle before the first request, after the last, and not while there is something to tell', () => {
    const loop = new FakeLoop()
    expect(loop.loop.idle).toBe(true)
    expect(loop.step()).toEqual([])
    loop.submit(1, plain(0, 2))
    expect(loop.loop.idle).toBe(false)
    loop.finish()
    expect(loop.step()).toEqual([])
    loop.submit(2, plain(0, 2))
    loop.loop.cancel(2)
    expect(loop.loop.idle).toBe(false)
    loop.finish()
    expect(loop.result(2).finishReason).toBe('cancelled')
  })

  test('different samplers and seeds side by side', () => {
    const loop = new FakeLoop({ sequences: 3 })
    loop.submit(1, plain(5, 6, { sampling: { temperature: 0 } }))
    loop.submit(2, plain(6, 6, { sampling: { topK: 3, minP: 0.1 } }))
    loop.submit(3, plain(6, 6))
    loop.finish()
    expect(loop.samplers.map(({ seed, settings }) => [seed, settings.temperature, settings.topK])).toEqual([
      [5, 0, 20],
      [6, 0.6, 3],
      [6, 0.6, 20],
    ])
    expect(loop.generated(2)).toEqual(loop.generated(3))
    expect(loop.generated(1)).not.toEqual(loop.generated(2))
    expect([1, 2, 3].map((id) => loop.result(id).seed)).toEqual([5, 6, 6])
  })
})

describe('cancelling', () => {
  test('a running one: what it has generated so far is its result, and the others go on untouched', () => {
    const loop = new FakeLoop({ sequences: 2 })
    loop.submit(1, plain(1, 30)).submit(2, plain(2, 30))
    while (loop.tokenEvents(1).length < 7) loop.step()
    loop.loop.cancel(1)
    expect(loop.forward.held[0]!.size).toBe(0)
    loop.submit(3, plain(3, 5)).finish()
    expect(loop.result(1).finishReason).toBe('cancelled')
    expect(loop.generated(1)).toEqual(expectedTokens(prompt, 1, 7))
    expect(loop.result(2).finishReason).toBe('length')
    expect(loop.generated(2)).toEqual(expectedTokens(prompt, 2, 30))
    expect(loop.generated(3)).toEqual(expectedTokens(prompt, 3, 5))
    expect(loop.samplers.map(({ disposals }) => disposals)).toEqual([1, 1, 1])
  })

  test('one whose prompt is being read', () => {
    const loop = new FakeLoop({ sequences: 1, batchTokens: 2 })
    const long = Array.from({ length: 20 }, () => token('a'))
    loop.submit(1, plain(1, 5, { prompt: { tokens: long } })).submit(2, plain(2, 5))
    loop.step()
    loop.step()
    expect(loop.forward.positions(0)).toHaveLength(4)
    loop.loop.cancel(1)
    loop.finish()
    const { finishReason, usage, cache, text } = loop.result(1)
    expect({ finishReason, usage, text }).toEqual({
      finishReason: 'cancelled',
      usage: { promptTokens: 20, thinkingTokens: 0, answerTokens: 0 },
      text: '',
    })
    expect(cache.peakCells).toBe(4)
    expect(loop.generated(2)).toEqual(expectedTokens(prompt, 2, 5))
    // Not one token of the rest of the prompt was computed.
    expect(loop.forward.passes.filter(({ kind }) => kind === 'append').map(({ count }) => count)).toEqual([2, 2, 2, 1])
  })

  test('a waiting one, and one that has ended or never was', () => {
    const loop = new FakeLoop({ sequences: 1 })
    loop.submit(1, plain(1, 5)).submit(2, plain(2, 5)).submit(3, plain(3, 5))
    loop.step()
    loop.loop.cancel(2)
    loop.loop.cancel(99)
    loop.finish()
    loop.loop.cancel(1)
    expect(loop.loop.idle).toBe(true)
    expect(loop.of(2).events.map(({ type }) => type)).toEqual(['start', 'finish'])
    expect(loop.result(2)).toMatchObject({ finishReason: 'cancelled', text: '', tokens: prompt })
    expect(loop.result(2).cache).toMatchObject({ peakCells: 0, meanCells: 0, finalCells: 0, evictions: 0 })
    expect(loop.generated(3)).toEqual(expectedTokens(prompt, 3, 5))
    expect(loop.samplers).toHaveLength(2)
  })

  test('at any time any one: the others get their tokens all the same, and every slot is given back', () => {
    const cancellations = fc.array(fc.record({ step: fc.nat(30), id: fc.nat(5) }), { maxLength: 6 })
    fc.assert(
      fc.property(cancellations, (all) => {
        const loop = new FakeLoop({ sequences: 2, batchTokens: 2 })
        for (let id = 0; id < 6; id++) loop.submit(id, plain(id, 9))
        for (let step = 0; !loop.loop.idle; step++) {
          for (const one of all) if (one.step === step) loop.loop.cancel(one.id)
          loop.step()
        }
        for (let id = 0; id < 6; id++) {
          const { finishReason } = loop.result(id)
          const expected = expectedTokens(prompt, id, 9)
          if (!all.some((one) => one.id === id)) expect(finishReason).toBe('length')
          const count = finishReason === 'length' ? 9 : loop.generated(id).length
          expect(loop.generated(id)).toEqual(expected.slice(0, count))
        }
        expect(loop.forward.held.map(({ size }) => size)).toEqual([0, 0])
        expect(loop.samplers.every(({ disposals }) => disposals === 1)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('all at once, running and waiting', () => {
    const loop = new FakeLoop({ sequences: 2 })
    for (let id = 0; id < 5; id++) loop.submit(id, plain(id, 20))
    for (let i = 0; i < 4; i++) loop.step()
    const passes = loop.forward.passes.length
    loop.loop.cancelAll()
    loop.step()
    expect(loop.loop.idle).toBe(true)
    expect([0, 1, 2, 3, 4].map((id) => loop.result(id).finishReason)).toEqual(Array(5).fill('cancelled'))
    expect(loop.forward.passes).toHaveLength(passes)
    expect(loop.forward.held.map(({ size }) => size)).toEqual([0, 0])
  })
})

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

  test('a sampler or predictor that cannot be made fails its request and gives the slot back', () => {
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
    ['invalid_sampling', plain(1, 5, { sampling: { temperature: NaN } })],
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
    expect(refusal({ notEvictable: 'it is a hybrid' }, { policy: 'window' })).toThrow(
      expect.objectContaining({
        code: 'model_not_evictable',
        message: expect.stringContaining('it is a hybrid') as string,
      }),
    )
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
    expect(policyOf({ hasPredictor: true })).toBe('dynts')
    expect(policyOf({ hasPredictor: false })).toBe('question-window')
    expect(policyOf({ notEvictable: 'it is recurrent' })).toBe('full')
  })
})

describe('replay', () => {
  test('feeds every token whatever it is, and gives the log-probability of each', () => {
    const given = [...tokens('a|</think>|b'), eos, ...tokens('stop|c')]
    const loop = runAlone({ prompt: { tokens: prompt }, policy: 'full', replay: given, stop: ['stop'], maxTokens: 2 })
    expect(loop.generated(1)).toEqual(given)
    expect(loop.samplers).toHaveLength(0)
    const all = [...prompt, ...given]
    const expected = given.map((one, i) => {
      const logits = [...fakeLogits(all[prompt.length + i - 1]!, prompt.length + i - 1)]
      return Math.log(Math.exp(logits[one]!) / logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
    })
    const { logprobs, finishReason } = loop.result(1)
    expect(logprobs).toHaveLength(given.length)
    expected.forEach((value, i) => expect(logprobs![i]).toBeCloseTo(value, 8))
    expect(finishReason).toBe('length')
    expect(runAlone({ prompt: { tokens: prompt }, policy: 'full', replay: [4, eos] }).result(1).finishReason).toBe(
      'stop',
    )
  })

  test('evicts what the sampled run evicted', () => {
    for (const policy of ['dynts', 'dynts-bottom', 'random', 'window', 'question-window', 'dynts-no-local']) {
      const settings = { policy, budget: 24, localWindow: 4, ratio: 0.4, seed: 9 }
      const sampled = runAlone({ prompt: { tokens: prompt }, maxTokens: 120, ...settings })
      const replayed = runAlone({ prompt: { tokens: prompt }, replay: sampled.generated(1), ...settings })
      expect(sampled.evictions(1).length).toBeGreaterThan(5)
      expect(replayed.evictions(1)).toEqual(sampled.evictions(1))
      expect(replayed.result(1).cache).toEqual(sampled.result(1).cache)
      expect(sampled.result(1).logprobs).toBeUndefined()
    }
  })

  test('a text is tokenised for replay', () => {
    const loop = runAlone({ prompt: { text: 'Q<think>' }, policy: 'full', replay: 'a</think>b' })
    expect(loop.generated(1)).toEqual(tokens('a|</think>|b'))
    expect(loop.result(1)).toMatchObject({ thinking: 'a', answer: 'b' })
  })
})

describe('where a generation ends', () => {
  test('at the end token, which counts but shows no text', () => {
    const loop = runAlone(plain(1, 30), { scripts: { 1: [...tokens('a|b'), eos] } })
    const { text, finishReason, usage } = loop.result(1)
    expect({ text, finishReason }).toEqual({ text: 'ab', finishReason: 'stop' })
    expect(usage).toEqual({ promptTokens: 3, thinkingTokens: 0, answerTokens: 3 })
    // The end token is never consumed.
    expect(loop.forward.peaks).toEqual([5])
  })

  test('after maxTokens tokens', () => {
    for (const maxTokens of [1, 2, 17]) {
      const { finishReason, usage } = runAlone(plain(1, maxTokens)).result(1)
      expect(finishReason).toBe('length')
      expect(usage.answerTokens).toBe(maxTokens)
    }
  })

  test('at the trained context, said beforehand', () => {
    const loop = runAlone(plain(1, 1000), { model: { trainedContext: 20 } })
    expect(loop.of(1).events[0]).toMatchObject({ type: 'start', maxTokens: 17 })
    expect(loop.result(1).finishReason).toBe('length')
    expect(loop.result(1).tokens).toHaveLength(20)
    const bounded = runAlone({ prompt: { tokens: prompt }, ...window, budget: 10 }, { model: { trainedContext: 20 } })
    expect(bounded.result(1)).toMatchObject({ finishReason: 'length' })
    expect(bounded.result(1).tokens).toHaveLength(20)
  })
})

test('log-probabilities are those of a plain softmax, also where exponentials overflow', () => {
  const logits = fc.array(fc.double({ min: -40, max: 40, noNaN: true }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(logits, fc.nat(), fc.constantFrom(0, 1000, -1000), (values, at, shift) => {
      const one = at % values.length
      const rounded = [...Float32Array.from(values, (value) => value + shift)]
      const plainly = Math.log(
        Math.exp(rounded[one]! - shift) / rounded.reduce((sum, value) => sum + Math.exp(value - shift), 0),
      )
      expect(logprobOf(Float32Array.from(rounded), one)).toBeCloseTo(plainly, 6)
    }),
  )
})
