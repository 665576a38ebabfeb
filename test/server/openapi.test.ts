/** The description of the API: a valid one, and what a real server takes and gives is as it says. */
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endpoints } from '../../src/server/endpoints.ts'
import { startDyntsServe, type DyntsServer } from './start-dynts-serve.ts'

interface Content {
  readonly [type: string]: { readonly schema: { readonly $ref?: string } }
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly operationId: string
            readonly security: object[]
            readonly requestBody?: { readonly content: Content }
            readonly responses: Readonly<Record<string, { readonly content: Content }>>
          }
        >
      >
    >
  >
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

let server: DyntsServer
let document: Document
const ajv = new Ajv2020({ strict: false, allErrors: true })
beforeAll(async () => {
  const template = fileURLToPath(new URL('../fixtures/hermes-tools.jinja', import.meta.url))
  server = await startDyntsServe([
    ...[
      '--api-key',
      'secret',
      '--chat-template',
      template,
      '--policy',
      'full',
      '--cells',
      '1024',
      '--log-level',
      'error',
    ],
  ])
  document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document
  ajv.addSchema(document, 'api')
})
afterAll(() => server.stop())

function problemsOf(value: unknown, content: Content | undefined, type: string): unknown {
  const reference = content?.[type]?.schema.$ref
  if (reference === undefined) throw new Error(`no ${type}`)
  const validate = ajv.getSchema(`api${reference}`)!
  return validate(value) === true ? [] : validate.errors
}

test('it is a valid one, and has every endpoint under each of its paths', async () => {
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true })
  expect(document.openapi).toBe('3.1.0')
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const all = endpoints
    .filter(({ path }) => path !== '/openapi.json')
    .flatMap(({ method, path, also = [] }) =>
      [path, ...also].map((one) => `${method} ${one.replace(/:(\w+)/, '{$1}')}`),
    )
  expect(described.sort()).toEqual(all.sort())
  const ids = Object.values(document.paths).flatMap((one) => Object.values(one).map(({ operationId }) => operationId))
  expect(new Set(ids).size).toBe(ids.length)
  expect(document.paths['/health']!['get']!.security).toEqual([])
})

const messages = [{ role: 'user', content: 'Ava has 5 coins. How many?' }]
const function_ = {
  name: 'count',
  parameters: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] },
}
const called = {
  ...{ messages, tools: [{ type: 'function', function: function_ }], tool_choice: 'required', max_tokens: 300 },
  ...{ thinking_budget: 10, parallel_tool_calls: false, temperature: 0 },
}
const plain = { max_tokens: 40, thinking_budget: 8, temperature: 0 }

describe('what the server takes and gives', () => {
  test.each<[method: string, path: string, body?: object]>([
    [
      'POST',
      '/v1/chat/completions',
      { messages, ...plain, n: 2, logprobs: true, top_logprobs: 1, return_token_ids: true },
    ],
    ['POST', '/v1/chat/completions', called],
    ['POST', '/v1/chat/completions/input_tokens', { messages }],
    ['POST', '/v1/chat/completions/control', { id: 'chatcmpl-none', action: 'cancel' }],
    ['POST', '/v1/completions', { prompt: 'Ava', max_tokens: 5, logprobs: 2, echo: true }],
    ['POST', '/v1/responses', { input: 'Ava?', max_output_tokens: 40, thinking_budget: 8 }],
    [
      'POST',
      '/v1/responses',
      {
        ...{ input: 'Ava?', tools: [{ type: 'function', ...function_ }], tool_choice: 'required' },
        ...{ max_output_tokens: 300, thinking_budget: 10, temperature: 0, parallel_tool_calls: false },
      },
    ],
    ['GET', '/v1/models'],
    ['GET', '/v1/models/tiny'],
    ['GET', '/health'],
    ['GET', '/props'],
    ['GET', '/slots'],
    ['POST', '/tokenize', { content: 'Ava', with_pieces: true }],
    ['POST', '/detokenize', { tokens: [5, 6] }],
    ['GET', '/tokenizer_info'],
    ['POST', '/apply-template', { messages }],
  ])('%s %s', async (method, path, body) => {
    const operation = document.paths[path.replace('/tiny', '/{id}')]![method.toLowerCase()]!
    const { content } = operation.responses['200']!
    if (body) expect(problemsOf(body, operation.requestBody?.content, 'application/json')).toEqual([])
    const ask = (given: object | undefined, key = 'secret') =>
      fetch(server.url + path, {
        method,
        headers: { authorization: `Bearer ${key}` },
        ...(given ? { body: JSON.stringify(given) } : {}),
      })
    const answered = await ask(body)
    expect(answered.status).toBe(200)
    expect(problemsOf(await answered.json(), content, 'application/json')).toEqual([])
    const isOpen = operation.security.length === 0
    const refused = await ask(body, 'wrong')
    expect(refused.status).toBe(isOpen ? 200 : 401)
    if (!isOpen) {
      const error = operation.responses['default']!.content
      expect(problemsOf(await refused.json(), error, 'application/json')).toEqual([])
    }
    if (!content['text/event-stream']) return
    const text = await (await ask({ ...body, stream: true })).text()
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => JSON.parse(json) as unknown)
    expect(events.length).toBeGreaterThan(3)
    for (const event of events) expect(problemsOf(event, content, 'text/event-stream')).toEqual([])
  })

  test('GET and DELETE /v1/stream', async () => {
    const headers = { authorization: 'Bearer secret', 'x-conversation-id': 'described' }
    const body = JSON.stringify({ messages, ...plain, stream: true })
    await (await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', headers, body })).text()
    const path = `${server.url}/v1/stream?conv_id=described`
    const { get, delete: remove } = document.paths['/v1/stream']!
    const text = await (await fetch(path, { headers })).text()
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, json = '']) => JSON.parse(json) as unknown)
    expect(events.length).toBeGreaterThan(3)
    const { content } = get!.responses['200']!
    for (const event of events) expect(problemsOf(event, content, 'text/event-stream')).toEqual([])
    const removed = await fetch(path, { method: 'DELETE', headers })
    expect([removed.status, await removed.text(), Object.keys(remove!.responses)]).toEqual([
      204,
      '',
      ['204', 'default'],
    ])
  })

  test('what it refuses, the description refuses as well', () => {
    const { content } = document.paths['/v1/chat/completions']!['post']!.requestBody!
    for (const wrong of [{}, { messages: [] }, { messages, temperature: -1 }, { messages, tool_choice: 'any' }]) {
      expect(problemsOf(wrong, content, 'application/json')).not.toEqual([])
    }
    const { content: answer } = document.paths['/v1/chat/completions']!['post']!.responses['200']!
    expect(problemsOf({ id: 'a' }, answer, 'application/json')).not.toEqual([])
  })
})
