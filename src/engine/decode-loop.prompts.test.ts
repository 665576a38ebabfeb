/** Prompts that begin as an earlier one. */
import { describe, expect, test } from 'vitest'
import { FakeLoop } from './loop.fake.ts'
import type { GenerateRequest } from './types.ts'
import { tokens } from './vocabulary.fake.ts'

const history = tokens('Q|a|b|c|d|a|b|c|d|a|b|c|d|a|b|c|d|S|T|Q')
const first = [...history, ...tokens('a|a|a')]
const second = [...history, ...tokens('b|b|c|d')]

type Asked = Partial<GenerateRequest> & { readonly of: readonly number[] }

function run(...requests: readonly Asked[]) {
  const loop = new FakeLoop({ cells: 64, sequences: 2 })
  requests.forEach(({ of, ...request }, id) => {
    loop
      .submit(id, { prompt: { tokens: of }, policy: 'full', maxTokens: 6, seed: 4, promptReuse: 'prefix', ...request })
      .finish()
  })
  return requests.map((_, id) => loop.result(id))
}

test('only the rest is read, and what follows is the same', () => {
  const [, after] = run({ of: first }, { of: second })
  const [alone] = run({ of: second })
  expect(after!.usage).toMatchObject({ promptTokens: second.length, cachedPromptTokens: history.length })
  expect(alone!.usage.cachedPromptTokens).toBe(0)
  expect(after!.tokens).toEqual(alone!.tokens)
  expect({ ...after!.cache, allocatedBytes: 0 }).toEqual({ ...alone!.cache, allocatedBytes: 0 })
})

test('under a bound, evictions are the same too', () => {
  const bounded = { policy: 'question-window', budget: 34, localWindow: 4, maxTokens: 30 }
  const [, after] = run({ of: first, ...bounded }, { of: second, ...bounded })
  const [alone] = run({ of: second, ...bounded })
  expect(after!.cache.evictions).toBeGreaterThan(0)
  expect(after!.tokens).toEqual(alone!.tokens)
  expect(after!.cache).toEqual(alone!.cache)
})

test('not across scopes, not unless it is asked for, and not at all with none', () => {
  const cached = (...all: readonly Asked[]) => run(...all).at(-1)!.usage.cachedPromptTokens
  expect(cached({ of: first, promptScope: 'a' }, { of: second, promptScope: 'b' })).toBe(0)
  expect(cached({ of: first }, { of: second, promptReuse: 'exact' })).toBe(0)
  expect(cached({ of: first }, { of: first, promptReuse: 'none' })).toBe(0)
  expect(cached({ of: first, promptReuse: 'none' }, { of: first })).toBe(0)
  expect(cached({ of: first }, { of: first, promptReuse: 'exact' })).toBe(first.length - 1)
  // What was read from a copy on may have been rounded otherwise.
  expect(cached({ of: first }, { of: second }, { of: second, promptReuse: 'exact' })).toBe(0)
})

test('long prompts are read in turn, a piece each, and a short one need not wait for them', () => {
  const loop = new FakeLoop({ cells: 128, sequences: 3, batchTokens: 4 })
  const long = [...history, ...history]
  for (const [id, of] of [
    [1, long],
    [2, [...long].reverse()],
    [3, tokens('Q|a|b')],
  ] as const) {
    loop.submit(id, { prompt: { tokens: of }, policy: 'full', maxTokens: 40, seed: id, promptReuse: 'none' })
  }
  const firstTokens: number[] = []
  loop.onStep = (items) => {
    for (const item of items) {
      if ('event' in item && item.event.type === 'token' && !firstTokens.includes(item.requestId))
        firstTokens.push(item.requestId)
    }
  }
  loop.finish()
  expect(firstTokens).toEqual([3, 1, 2])
})

test('where saved prompts may take no bytes, none is copied', () => {
  const loop = new FakeLoop({ cells: 64, sequences: 1 }, { promptStateBytes: 0 })
  for (const id of [1, 2]) loop.submit(id, { prompt: { tokens: first }, policy: 'full', maxTokens: 2 }).finish()
  expect(loop.result(2).usage.cachedPromptTokens).toBe(0)
})

describe('a long prompt that several have at once', () => {
  const prompt = { tokens: [...history, ...history] }
  const begun = (promptReuse: GenerateRequest['promptReuse']) => {
    const loop = new FakeLoop({ cells: 128, sequences: 3, batchTokens: 4 })
    for (const id of [1, 2, 3]) loop.submit(id, { prompt, policy: 'full', maxTokens: 6, seed: id, promptReuse })
    return loop
  }
  const read = ({ forward }: FakeLoop) =>
    forward.passes.reduce((sum, { kind, count }) => sum + (kind === 'append' ? count : 0), 0)

  test.each(['exact', 'prefix'] as const)('is read once and copied (%s)', (reuse) => {
    const loop = begun(reuse).finish()
    expect([1, 2, 3].map((id) => loop.result(id).usage.cachedPromptTokens)).toEqual([0, 39, 39])
    // The last token has a pass in each.
    expect(read(loop)).toBe(40 + 1 + 1)
    const apart = begun('none').finish()
    expect(read(apart)).toBe(3 * 40)
    for (const id of [1, 2, 3]) expect(loop.result(id).tokens).toEqual(apart.result(id).tokens)
  })

  test('is read by the next where the first leaves', () => {
    const loop = begun('prefix')
    for (let i = 0; i < 3; i++) loop.step()
    loop.loop.cancel(1)
    loop.finish()
    expect([2, 3].map((id) => loop.result(id).usage.cachedPromptTokens)).toEqual([0, 39])
  })
})

test('how far a prompt is, is told after each piece if it is asked for, and changes nothing else', () => {
  const loop = new FakeLoop({ cells: 64, sequences: 2, batchTokens: 8 })
  const settings = { policy: 'full', maxTokens: 3, seed: 4, promptReuse: 'prefix' } as const
  for (const [id, of] of [first, second].entries()) {
    loop.submit(id, { prompt: { tokens: of }, promptProgress: true, ...settings }).finish()
  }
  loop.submit(2, { prompt: { tokens: second }, ...settings, promptReuse: 'none' }).finish()
  const told = (id: number) =>
    loop
      .of(id)
      .events.flatMap((event) => (event.type === 'prompt' ? [[event.total, event.cached, event.processed]] : []))
  // 23 tokens in pieces of 8, the last one with the token before the answer; of the second 20 are copied.
  expect([first.length, second.length, history.length]).toEqual([23, 24, 20])
  expect(told(0)).toEqual([
    [23, 0, 8],
    [23, 0, 16],
    [23, 0, 23],
  ])
  expect(told(1)).toEqual([[24, 20, 24]])
  expect(told(2)).toEqual([])
  const times = loop.of(0).events.flatMap((event) => (event.type === 'prompt' ? [event.ms] : []))
  expect(times).toEqual([...times].sort((a, b) => a - b))
  expect(loop.of(0).events.findIndex(({ type }) => type === 'prompt')).toBe(1)
  expect(loop.result(1).tokens).toEqual(loop.result(2).tokens)
})
