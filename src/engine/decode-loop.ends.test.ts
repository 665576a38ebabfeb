/**
 * Replay, and where a generation ends.
 */
import { describe, expect, test } from 'vitest'
import { fakeLogits } from './forward-pass.fake.ts'
import { runAlone } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { eos, tokens } from './vocabulary.fake.ts'

const prompt = tokens('Q|a|b')
const window = { policy: 'question-window', localWindow: 2, ratio: 0.5 }

/** A request whose continuation a test can compute. */
function plain(seed: number, maxTokens: number, extra: Partial<GenerateRequest> = {}): GenerateRequest {
  return { prompt: { tokens: prompt }, policy: 'full', seed, maxTokens, ...extra }
}

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
    expect(usage).toEqual({ promptTokens: 3, cachedPromptTokens: 0, thinkingTokens: 0, answerTokens: 3 })
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
