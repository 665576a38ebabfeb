import { expect, test } from 'vitest'
import { checkRequest } from './request-schema.ts'
import type { GenerateRequest } from './types.ts'

const check = (request: unknown) => () => checkRequest(request as GenerateRequest)

test('requests of the right form pass', () => {
  expect(check({ prompt: { text: 'a' } })).not.toThrow()
  expect(check({ prompt: { tokens: [1] }, budget: undefined, replay: [2], stop: [] })).not.toThrow()
  const messages = [{ role: 'user', content: 'a' }]
  expect(check({ prompt: { messages }, sampling: { temperature: 0, topK: undefined } })).not.toThrow()
})

test.each<[string, unknown, RegExp]>([
  ['nothing', undefined, /the request: /],
  ['no prompt', {}, /prompt must be/],
  ['a prompt of the wrong type', { prompt: { text: 5 } }, /prompt must be/],
  ['an unknown role', { prompt: { messages: [{ role: 'robot', content: '' }] } }, /prompt must be/],
  ['one stop text instead of a list', { prompt: { text: 'a' }, stop: 'x' }, /stop: /],
  ['a budget as text', { prompt: { text: 'a' }, budget: '300' }, /budget: /],
  ['a sampling setting as text', { prompt: { text: 'a' }, sampling: { topK: '20' } }, /sampling\.topK: /],
])('%s is refused, naming the field', (_, request, message) => {
  expect(check(request)).toThrow(expect.objectContaining({ name: 'InputError', code: 'invalid_request' }))
  expect(check(request)).toThrow(message)
})
