import { expect, test } from 'vitest'
import { renderPrompt, resolveCacheSettings } from './prepare.ts'
import { fakeVocabulary } from './vocabulary.fake.ts'

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
  const { text, opening } = renderPrompt({ vocab: fakeVocabulary, chatTemplate }, { messages })
  expect(text).toBe(`<user>${content.trim()}<assistant><think>`)
  expect(opening).toBe('<assistant><think>')
})

test('of a template that changes or leaves out the last message, too', () => {
  const answer = '{{ messages[-1].content.split("</think>")[-1] }}<think>'
  const messages = [{ role: 'assistant' as const, content: 'a</think>b' }]
  expect(renderPrompt({ vocab: fakeVocabulary, chatTemplate: answer }, { messages })).toEqual({
    text: 'b<think>',
    opening: '<think>',
  })
  const chatTemplate = 'Q<think>'
  expect(renderPrompt({ vocab: fakeVocabulary, chatTemplate }, { messages }).opening).toBe('Q<think>')
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

test('the default local window shrinks for a budget that it would fill, a given one does not', () => {
  expect(resolveCacheSettings({}, { budget: 3000 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2048 }).localWindow).toBe(1024)
  expect(resolveCacheSettings({}, { budget: 2047 }).localWindow).toBe(511)
  expect(resolveCacheSettings({}, { budget: 512 }).localWindow).toBe(128)
  expect(resolveCacheSettings({}, { budget: 512, localWindow: 500 }).localWindow).toBe(500)
  expect(resolveCacheSettings({ localWindow: 300 }, { budget: 512 }).localWindow).toBe(300)
})
