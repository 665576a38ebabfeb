import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { policyNames } from '../eviction/registry.ts'
import { expectedTokens } from './forward-pass.fake.ts'
import { FakeLoop } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { token, tokens } from './vocabulary.fake.ts'

const prompt = tokens('Q|a|b')

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
      policy: fc.constantFrom(...policyNames()),
      /** Steps of the loop before it arrives. */
      delay: fc.nat(5),
    }),
    { minLength: 1, maxLength: 9 },
  )

  test('each gets the tokens that it would get alone, whoever shares its steps', () => {
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 8 }), (all, sequences, batch) => {
        const loop = new FakeLoop({ cells: 64, sequences: sequences, batchTokens: batch, attention: true })
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

  test('a sequence joins when a sequence id is free and leaves when it is done', () => {
    const loop = new FakeLoop({ sequences: 2 })
    const lengths = [3, 12, 4, 5, 2]
    lengths.forEach((maxTokens, id) => loop.submit(id, plain(id, maxTokens)))
    const ended: number[] = []
    loop.onStep = (items) => {
      for (const item of items) if ('event' in item && item.event.type === 'finish') ended.push(item.requestId)
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
    expect(pieces.map(({ count }) => count)).toEqual([...Array.from({ length: 20 }, () => 4), 1, 1])
    // Between two pieces of the prompt the other sequence gets a token; its last token follows at once.
    for (let k = 1; k < pieces.length - 1; k++) {
      const between = passes.slice(pieces[k - 1]!.i + 1, pieces[k]!.i)
      expect(between).toEqual([{ kind: 'decode', sequenceIds: [0], count: 1 }])
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
      usage: { promptTokens: 20, cachedPromptTokens: 0, thinkingTokens: 0, answerTokens: 0 },
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

  test('at any time any one: the others get their tokens all the same, and every sequence id is given back', () => {
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

describe('a forward pass', () => {
  test('is waited for, each piece of a prompt too', () => {
    const loop = new FakeLoop({ batchTokens: 2 })
    loop.submit(1, plain(1, 5))
    loop.finish()
    expect(loop.forward.passes).toHaveLength(2 + 4)
    expect(loop.forward.synchronized).toBe(2 + 4)
  })

  test('needs no logits where the sampler reads none', () => {
    const createSampler = () => ({ sample: () => token('a'), accept: () => undefined, dispose: () => undefined })
    const loop = new FakeLoop({}, { model: { createSampler } })
    loop.forward.logits = () => {
      throw new Error('there are no logits')
    }
    loop.submit(1, plain(1, 4))
    loop.finish()
    expect(loop.generated(1)).toEqual(new Array(4).fill(token('a')))
  })
})
