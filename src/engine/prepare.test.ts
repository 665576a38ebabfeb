import { describe, expect, test, vi } from 'vitest'
import { defaultPolicy, resolveCacheSettings } from './cache-settings.ts'
import { settleRequest } from './prepare.ts'
import { readPrompt, renderPrompt } from './prompt.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'
import { findThinkingTags } from '../llama/thinking-tags.ts'

const thinkingTags = findThinkingTags('<think>')

test.each([
  ['what is 1 + 1?', 'Q'],
  ['nothing', ''],
  ['a word of the tag', 'think'],
  ['one letter', 'k'],
  ['a tag', 'Q <think> and </think>'],
  ['white space around it', '\n Q '],
])('what a template adds behind the question opens the thinking, whatever the question is: %s', (_, content) => {
  const chatTemplate = '<user>{% for message in messages %}{{ message.content.strip() }}{% endfor %}<assistant><think>'
  const messages = [{ role: 'user' as const, content }]
  const { text, opening } = renderPrompt({ vocab: fakeVocabulary, thinkingTags, chatTemplate }, { messages })
  expect(text).toBe(`<user>${content.trim()}<assistant><think>`)
  expect(opening).toBe('<assistant><think>')
})

test('of a template that changes or leaves out the last message, too', () => {
  const answer = '{{ messages[-1].content.split("</think>")[-1] }}<think>'
  const messages = [{ role: 'assistant' as const, content: 'a</think>b' }]
  expect(renderPrompt({ vocab: fakeVocabulary, thinkingTags, chatTemplate: answer }, { messages })).toEqual({
    text: 'b<think>',
    opening: '<think>',
  })
  const chatTemplate = 'Q<think>'
  expect(renderPrompt({ vocab: fakeVocabulary, thinkingTags, chatTemplate }, { messages }).opening).toBe('Q<think>')
})

test('what a request gives wins over what the predictor recommends, and that over the defaults', () => {
  expect(resolveCacheSettings({}, {})).toEqual({ budget: 4096, localWindow: 1024, ratio: 0.4 })
  const recommended = { budget: 320, localWindow: 32, ratio: undefined }
  expect(resolveCacheSettings(recommended, {})).toEqual({ budget: 320, localWindow: 32, ratio: 0.4 })
  expect(resolveCacheSettings(recommended, { budget: 256, ratio: 0.5 })).toEqual({
    budget: 256,
    localWindow: 32,
    ratio: 0.5,
  })
})

test('so many cells at each eviction take the place of a ratio, whoever recommends one; both are refused', () => {
  const recommended = { budget: 320, localWindow: 32, ratio: 0.5 }
  const settings = resolveCacheSettings(recommended, { evictEvery: 9 })
  expect(settings).toEqual({ budget: 320, localWindow: 32, ratio: undefined, evictEvery: 9 })
  const model = {
    hasPredictor: false,
    hasCalibration: false,
    notEvictable: undefined,
    notReadable: undefined,
    recommended,
  }
  const request = { prompt: { text: '' }, policy: 'window', evictEvery: 9 }
  expect(settleRequest(model, request).settings).toEqual(settings)
  expect(() => settleRequest(model, { ...request, ratio: 0.5 })).toThrow(
    expect.objectContaining({ code: 'invalid_evict_every' }),
  )
  expect(() => settleRequest(model, { ...request, evictEvery: 288 })).toThrow(
    expect.objectContaining({ code: 'invalid_budget' }),
  )
})

test('a recommended weight of diversity holds under dynts-diverse until a request gives one', () => {
  const model = {
    ...{ hasPredictor: true, hasCalibration: false, notEvictable: undefined, notReadable: undefined },
    recommended: { policy: 'dynts-diverse', diversity: 0.1 },
  }
  const optionsOf = (request: object) => settleRequest(model, { prompt: { text: '' }, ...request }).policyOptions
  expect(optionsOf({})).toEqual({ diversity: 0.1 })
  expect(optionsOf({ policyOptions: { diversity: undefined } })).toEqual({ diversity: 0.1 })
  expect(optionsOf({ policyOptions: { diversity: 0 } })).toEqual({ diversity: 0 })
  expect(optionsOf({ policy: 'dynts' })).toEqual({})
  expect(settleRequest({ ...model, recommended: {} }, { prompt: { text: '' } }).policyOptions).toEqual({
    diversity: 0.3,
  })
})

test('a recommended number of cells at each eviction holds until a request says how many', () => {
  const recommended = { budget: 320, localWindow: 32, evictEvery: 16 }
  expect(resolveCacheSettings(recommended, {})).toEqual({ budget: 320, localWindow: 32, evictEvery: 16 })
  expect(resolveCacheSettings(recommended, { evictEvery: 9 }).evictEvery).toBe(9)
  expect(resolveCacheSettings(recommended, { ratio: 0.5 })).toEqual({ budget: 320, localWindow: 32, ratio: 0.5 })
})

test('without a policy in the request it is the one that the predictor recommends', () => {
  const model = { hasPredictor: true, notEvictable: undefined, notReadable: undefined, recommended: {} }
  expect(defaultPolicy(model)).toBe('dynts-diverse')
  const recommending = { ...model, recommended: { policy: 'dynts' } }
  expect(defaultPolicy(recommending)).toBe('dynts')
  expect(settleRequest({ ...recommending, hasCalibration: false }, { prompt: { text: '' } }).definition.name).toBe(
    'dynts',
  )
  expect(defaultPolicy({ ...model, notReadable: 'a GPU' })).toBe('dynts')
  expect(defaultPolicy({ ...recommending, hasPredictor: false })).toBe('question-window')
  expect(defaultPolicy({ ...recommending, notEvictable: 'it is recurrent' })).toBe('full')
})

test('the default local window shrinks for a budget that it would fill, a given one does not', () => {
  expect(resolveCacheSettings({}, { budget: 3000 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2048 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2047 }).localWindow).toBe(511)
  expect(resolveCacheSettings({}, { budget: 512 }).localWindow).toBe(128)
  expect(resolveCacheSettings({}, { budget: 512, localWindow: 500 }).localWindow).toBe(500)
  expect(resolveCacheSettings({ localWindow: 300 }, { budget: 512 }).localWindow).toBe(300)
})

test('a prompt is read once, however often it is asked for; another one, or another template, is another', () => {
  const tokenize = vi.fn((text: string) => fakeVocabulary.tokenize(text))
  const model = { vocab: { ...fakeVocabulary, tokenize }, thinkingTags, chatTemplate: '{{ messages[0].content }}' }
  const read = (content: string, more = {}) =>
    readPrompt({ ...model, ...more }, { messages: [{ role: 'user', content }] })
  const first = read('Q')
  expect(read('Q')).toBe(first)
  expect(tokenize).toHaveBeenCalledTimes(1)
  expect(read('<think>').promptTokens).not.toEqual(first.promptTokens)
  expect(read('Q', { chatTemplate: '{{ messages[0].content }}Q' }).promptTokens).not.toEqual(first.promptTokens)
  expect(tokenize).toHaveBeenCalledTimes(3)
  expect(read('Q')).toBe(first)
})

test('of the prompts of a full queue each is read once; of more text than is kept the oldest are forgotten', () => {
  const tokenize = vi.fn(() => Int32Array.of(1))
  const model = { vocab: { ...fakeVocabulary, tokenize }, thinkingTags, chatTemplate: undefined }
  const read = (i: number, length: number) => readPrompt(model, { text: `${i} `.padEnd(length, 'x') })
  const readAll = (count: number, length: number) => {
    tokenize.mockClear()
    for (let i = 0; i < count; i++) read(i, length)
    return tokenize.mock.calls.length
  }
  // As the queue of a server, of 30,000 tokens each.
  expect([readAll(64, 120_000), readAll(64, 120_000)]).toEqual([64, 0])
  expect(readAll(80, 120_000)).toBe(16)
  expect(readAll(80, 120_000)).toBe(80)
  // One that is longer than all that is kept.
  expect([readAll(1, 2 ** 24), readAll(1, 2 ** 24), readAll(2, 2 ** 24), readAll(2, 2 ** 24)]).toEqual([1, 0, 1, 2])
})

describe('what is checked before there is a prompt', () => {
  const prompt = { text: '' }
  const model = {
    hasPredictor: false,
    hasCalibration: false,
    notEvictable: undefined,
    notReadable: undefined,
    recommended: {},
  }
  const code = (...args: Parameters<typeof settleRequest>) => {
    try {
      settleRequest(...args)
      return undefined
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  test('a cache without values refuses the policies that look at them, and no other', () => {
    const latent = { ...model, valuesNotReadable: 'it has none' }
    for (const policy of ['lagkv', 'dkv']) {
      expect(() => settleRequest(latent, { prompt, policy })).toThrow(
        `policy ${policy} looks at cached values, which cannot be read of this model: it has none`,
      )
      expect(code(model, { prompt, policy })).toBeUndefined()
    }
    for (const policy of ['keydiff', 'r-kv', 'entropy']) expect(code(latent, { prompt, policy })).toBeUndefined()
  })

  test.each([
    [{ policy: 'dynts' }, 'missing_predictor'],
    [{ budget: 1 }, 'invalid_budget'],
    [{ ratio: 2 }, 'invalid_ratio'],
    [{ policy: 'full', budget: 1 }, undefined],
  ])('%j depends on the model: %s', (request, expected) => {
    expect(code(model, { prompt, ...request })).toBe(expected)
    expect(code(undefined, { prompt, ...request })).toBeUndefined()
  })
  test.each([
    [{ policy: 'dints' }, 'unknown_policy'],
    [{ sampling: { temperature: -1 } }, 'invalid_sampling'],
    [{ maxTokens: 0 }, 'invalid_request'],
    [{ policy: 'snapkv', policyOptions: { observationWindow: 0 } }, 'invalid_policy_option'],
  ])('%j does not: %s', (request, expected) => expect(code(undefined, { prompt, ...request })).toBe(expected))
  test('undefined takes the default', () => {
    const sampling = { temperature: undefined, topP: 0.5 }
    expect(settleRequest(model, { prompt, sampling, budget: undefined })).toMatchObject({
      sampling: { temperature: 0.6, topP: 0.5 },
      settings: { budget: 4096, localWindow: 1024, ratio: 0.4 },
    })
  })
})
