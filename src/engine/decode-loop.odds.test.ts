/** How likely tokens were, and biases of their logits. */
import { describe, expect, test } from 'vitest'
import { logprobOf } from '../llama/log-softmax.ts'
import { fakeLogits } from './forward-pass.fake.ts'
import { FakeLoop, runAlone } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'

describe('odds and biases', () => {
  const prompt = { text: 'Qab' }
  const request = { prompt, policy: 'full', maxTokens: 8, seed: 3 } as const

  test('each token comes with its own log-probability, and with the likeliest in order', () => {
    const loop = runAlone({ ...request, logprobs: 3 })
    const events = loop.tokenEvents(1).filter(({ token }) => token !== null)
    expect(events.length).toBeGreaterThan(0)
    for (const { token, odds } of events) {
      const logprobs = odds!.top.map(({ logprob }) => logprob)
      expect(logprobs).toHaveLength(3)
      expect(logprobs).toEqual([...logprobs].sort((a, b) => b - a))
      expect(odds!.logprob).toBeLessThanOrEqual(logprobs[0]!)
      const same = odds!.top.find((one) => one.token === token)
      if (same) expect(same.logprob).toBe(odds!.logprob)
    }
    expect(
      runAlone(request)
        .tokenEvents(1)
        .every(({ odds }) => odds === undefined),
    ).toBe(true)
  })

  test('replayed, the same tokens have the same log-probabilities', () => {
    const loop = runAlone({ ...request, logprobs: 0 })
    const replayed = runAlone({ prompt, policy: 'full', replay: loop.generated(1) })
    const told = loop.tokenEvents(1).flatMap(({ odds }) => (odds ? [odds.logprob] : []))
    for (const [i, logprob] of replayed.result(1).logprobs!.entries()) expect(told[i]).toBeCloseTo(logprob, 9)
  })

  test('the odds of a prompt are those of each of its tokens but the first, whatever was copied before', () => {
    const told = { prompt: { text: 'Qabababababab' }, policy: 'full', maxTokens: 2, seed: 3 } as const
    const loop = new FakeLoop({ sequences: 1, batchTokens: 8 })
    loop.submit(1, told).finish()
    loop.submit(2, { ...told, promptLogprobs: 2 }).finish()
    loop.submit(3, { ...told, promptLogprobs: 0, maxTokens: 0 }).finish()
    const { tokens, usage } = loop.result(2)
    const prompt = tokens.slice(0, usage.promptTokens)
    const expected = prompt.slice(1).map((token, i) => logprobOf(fakeLogits(prompt[i]!, i), token))
    const oddsOf = (id: number) => loop.of(id).events.flatMap((event) => (event.type === 'prompt' ? event.odds! : []))
    for (const id of [2, 3]) {
      const logprobs = oddsOf(id).map(({ logprob }) => logprob)
      expect(logprobs).toEqual(expected.map((logprob) => expect.closeTo(logprob, 9) as number))
    }
    expect(oddsOf(2).every(({ top }) => top.length === 2)).toBe(true)
    expect(loop.result(2)).toMatchObject({ tokens: loop.result(1).tokens, usage: { cachedPromptTokens: 0 } })
    expect(loop.result(3)).toMatchObject({
      tokens: prompt,
      finishReason: 'length',
      cache: { finalCells: prompt.length },
    })
  })

  test('a banned token never comes, and a favoured one always; the odds are those without a bias', () => {
    const plain = runAlone({ ...request, logprobs: 0 })
    const [first] = plain.generated(1)
    const banned = runAlone({ ...request, logitBias: [[first!, -100]] })
    expect(banned.generated(1)).not.toContain(first)
    const favoured = runAlone({ ...request, logprobs: 0, logitBias: [[first!, 100]] })
    expect(new Set(favoured.generated(1))).toEqual(new Set([first]))
    expect(favoured.tokenEvents(1)[0]!.odds!.logprob).toBeCloseTo(plain.tokenEvents(1)[0]!.odds!.logprob, 9)
  })

  test('without the tokens that end a generation it goes on to its last token', () => {
    const { eos } = fakeVocabulary
    const favouringEnd = { ...request, logitBias: [[eos, 100] as const] }
    expect(runAlone(favouringEnd).result(1)).toMatchObject({ finishReason: 'stop' })
    const loop = runAlone({ ...favouringEnd, ignoreEos: true })
    expect(loop.result(1)).toMatchObject({ finishReason: 'length' })
    expect(loop.generated(1)).toHaveLength(request.maxTokens)
  })

  test.each<[Partial<GenerateRequest>, RegExp]>([
    [{ ignoreEos: true, replay: [1] }, /no effect on a replay/],
    [{ ignoreEos: true, answerSchema: {} }, /contradict each other/],
    [{ logprobs: 21 }, /from 0 to 20/],
    [{ logprobs: 1.5 }, /whole number/],
    [{ promptLogprobs: 21 }, /promptLogprobs must be a whole number from 0 to 20/],
    [{ promptLogprobs: 0, promptEviction: { at: 2, leaving: [0] } }, /leave promptEviction out/],
    [{ maxTokens: 0 }, /`maxTokens` must be a whole number of at least 1/],
    [{ logitBias: [[9999, 1]] }, /not a token/],
    [{ logitBias: [[1, 101]] }, /from -100 to 100/],
    [{ logitBias: Array.from({ length: 32 }, (_, token) => [token, -100] as const) }, /bans every token/],
  ])('%j is refused', (wrong, message) => {
    expect(() => runAlone({ ...request, ...wrong }).result(1)).toThrow(message)
  })
})
