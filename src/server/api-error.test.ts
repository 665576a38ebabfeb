import { expect, test } from 'vitest'
import { InputError } from '../errors.ts'
import { checkHost, checkOrigin } from './access.ts'
import { ApiError, apiErrorOf, quoted, shown } from './api-error.ts'
import { chatForm, checked } from './chat/request.ts'
import { readResponseFormat } from './chat/response-format.ts'
import { findEndpoint } from './endpoints.ts'

const errorOf = (message: string) => apiErrorOf(new InputError('invalid_budget', message)).body.error

test('what the engine refuses names the field as the request has it', () => {
  expect(errorOf('`localWindow` must be below `budget`')).toMatchObject({
    message: 'local_window must be below budget',
    param: 'dynts.local_window',
  })
  expect(errorOf('`maxTokens` must be at least 1')).toMatchObject({ param: 'max_tokens' })
})

test('of what no request has, or where no field is named, there is no parameter', () => {
  expect(errorOf('`kvType: f16` is needed')).toMatchObject({ message: '--kv-type f16 is needed', param: null })
  expect(errorOf('it does not fit')).toMatchObject({ param: null })
})

test('what a broken model cannot compute is not the request’s fault', () => {
  expect(apiErrorOf(new InputError('no_score', 'position 3 has no score'))).toMatchObject({ status: 500 })
})

const long = 'x'.repeat(2_000_000)
const access = { hosts: new Set<string>(), origins: new Set<string>(), keys: [] }
const messages = [{ role: 'user', content: 'a' }]

test.each<[string, () => unknown, number?]>([
  ['a name in an object', () => checked(chatForm, { messages, logit_bias: { [long]: 1 } })],
  ['a field that is not known', () => checked(chatForm, { messages, dynts: { [long]: 1 } })],
  [
    'a field of a schema',
    () => readResponseFormat({ json_schema: { properties: { [long.slice(0, 60_000)]: false } } }),
  ],
  [
    'a name in a schema',
    () => readResponseFormat({ json_schema: { properties: {}, required: [long.slice(0, 60_000)] } }),
  ],
  ['a host', () => checkHost(long, access)],
  ['an origin', () => checkOrigin('POST', long, 'localhost', access)],
  ['a path', () => findEndpoint('GET', `/${long}`)],
  ['what a library says', () => apiErrorOf(new InputError('chat_template', long)), 1000],
])('an answer does not grow with %s', (_what, refuse, most = 200) => {
  let error: unknown
  try {
    error = refuse()
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(ApiError)
  const { message, param } = (error as ApiError).body.error as { message: string; param: string | null }
  expect(Math.max(...message.split(/[^x]/).map(({ length }) => length))).toBeLessThanOrEqual(most)
  expect(message.length).toBeLessThanOrEqual(1003)
  expect((param ?? '').length).toBeLessThanOrEqual(203)
})

test('control characters and halves of characters are shown, not sent', () => {
  expect(shown('a\n\u009b\u007f\ud800b')).toBe('a\\u000a\\u009b\\u007f\ufffdb')
  expect(quoted('a\n\u009b"')).toBe('"a\\n\\u009b\\""')
  expect(quoted('é'.repeat(201))).toBe(`"${'é'.repeat(200)}" and more`)
  expect(new ApiError(400, 'invalid_value', 'a\rb', { param: 'c\0' }).body.error).toMatchObject({
    message: 'a\\u000db',
    param: 'c\\u0000',
  })
})
