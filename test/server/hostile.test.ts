/** A client that means harm, or knows no better: every answer is one of the documented ones, and both processes live on. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { mulberry32 } from '../../src/mulberry32.ts'
import { answersOf, send } from './raw-http.ts'
import { startDyntsServe, until, type DyntsServer } from './start-dynts-serve.ts'
import { wireCase } from './wire-cases.ts'

let server: DyntsServer
let engine: number | undefined
beforeAll(async () => {
  const template = fileURLToPath(new URL('../fixtures/hermes-tools.jinja', import.meta.url))
  const settings = ['--parallel', '4', '--budget', '700', '--chat-template', template, '--max-body', '65536']
  server = await startDyntsServe([...settings, '--log-level', 'error'])
  engine = server.enginePid()
})
afterAll(() => server.stop())

const { question, answer } = generateChainProblem(2, { people: 4 })
const valid = {
  model: 'tiny',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: question }] },
    {
      role: 'assistant',
      content: 'a',
      reasoning_content: 'b',
      tool_calls: [{ id: 'x', type: 'function', function: { name: 'count', arguments: '{"coins": 5}' } }],
    },
    { role: 'tool', tool_call_id: 'x', content: '5' },
    { role: 'user', content: 'c' },
  ],
  input: [
    { role: 'user', content: [{ type: 'input_text', text: question }] },
    { type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text: 'a' }] },
    { role: 'assistant', content: 'b' },
    { role: 'user', content: 'c' },
  ],
  tools: [
    {
      type: 'function',
      name: 'count',
      function: {
        name: 'count',
        description: 'Counts.',
        parameters: {
          type: 'object',
          properties: {
            coins: { type: 'integer' },
            who: { $ref: '#/$defs/who' },
            list: { type: 'array', minItems: 1 },
          },
          required: ['coins'],
          $defs: { who: { enum: ['Ava', 'Ben'] } },
        },
      },
    },
  ],
  tool_choice: 'required',
  max_tokens: 4,
  max_output_tokens: 4,
  temperature: 0.5,
  top_p: 0.9,
  top_k: 10,
  min_p: 0.1,
  seed: 5,
  stop: ['x'],
  n: 1,
  stream: false,
  repeat_penalty: 1.1,
  reasoning_effort: 'low',
  thinking_budget: 3,
  chat_template_kwargs: { style: 'plain' },
  dynts: { policy: 'dynts', budget: 600, local_window: 20, ratio: 0.5, events: false },
}

const nasty: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 0.5, -0, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324],
  ...[
    '',
    ' ',
    '\u0000',
    '\ud800',
    '<|im_end|>',
    '</think>',
    '{{ 7*7 }}',
    '{% for x in y %}',
    '../../etc/passwd',
    'file:///etc/passwd',
  ],
  ...['./x.ts', 'h2o', 'dynts+nothing', 'a'.repeat(20_000), '漢'.repeat(3000), '\u{f0000}0\u{f0000}', '😀'],
  ...[
    [],
    {},
    [[]],
    [{}],
    { a: 1 },
    [null],
    [1, 2, 3],
    { length: -1 },
    { toString: 1 },
    { type: 'text' },
    { type: 'image_url' },
  ],
  ...[
    { constructor: { prototype: 1 } },
    { __proto__: null },
    Array.from({ length: 300 }, (_, i) => i),
    { role: 'tool' },
  ],
]
const names = [
  'messages',
  'tools',
  'logit_bias',
  'response_format',
  'grammar',
  'logprobs',
  '__proto__',
  'constructor',
  'prompt',
  'foo',
  'n',
  '',
]

type Json = Record<string, unknown>

/** A valid request with one to three places broken. */
function broken(random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const request = structuredClone(valid) as Json
  for (let i = 0; i <= Math.floor(random() * 3); i++) {
    let place: Json = request
    for (;;) {
      const keys = Object.keys(place)
      const key = random() < 0.15 || keys.length === 0 ? pick(names) : pick(keys)
      // Not the prototype, which this process needs.
      const inner = Object.hasOwn(place, key) ? place[key] : undefined
      if (typeof inner === 'object' && inner !== null && random() < 0.6) {
        place = inner as Json
        continue
      }
      if (random() < 0.15) Reflect.deleteProperty(place, key)
      else {
        const value = structuredClone(pick(nasty))
        Object.defineProperty(place, key, { value, enumerable: true, configurable: true, writable: true })
      }
      break
    }
  }
  const text = JSON.stringify(request)
  const how = random()
  if (how < 0.06) return text.slice(0, Math.floor(random() * text.length))
  if (how < 0.1) return text.replace(/[{}[\]",:]/, () => pick(['', '{', '[', '"', ',', '1e999', 'NaN']))
  if (how < 0.12) return text.replaceAll('0.5', '1e999')
  return text
}

/** An error as every one is told. */
const documented = {
  message: expect.any(String) as string,
  type: expect.any(String) as string,
  code: expect.any(String) as string,
  param: expect.toSatisfy((param) => param === null || typeof param === 'string') as string | null,
}

const knownStatuses = new Set([200, 400, 404, 413, 429, 501, 503])

describe('whatever is asked', () => {
  test.each(['/v1/chat/completions', '/v1/responses'])('%s takes what is not broken', async (path) => {
    const response = await fetch(server.url + path, { method: 'POST', body: JSON.stringify(valid) })
    expect([response.status, await response.text()]).toEqual([200, expect.any(String) as string])
  })

  test('is answered in one of the documented ways', async () => {
    const random = mulberry32(20_261_127)
    const paths = [
      '/v1/chat/completions',
      '/v1/chat/completions',
      '/v1/completions',
      '/v1/responses',
      '/v1/chat/completions/input_tokens',
      '/v1/chat/completions/control',
    ]
    for (let round = 0; round < 100; round++) {
      const cases = Array.from({ length: 10 }, () => ({
        path: paths[Math.floor(random() * paths.length)]!,
        body: broken(random),
      }))
      await Promise.all(
        cases.map(async ({ path, body }) => {
          const response = await fetch(server.url + path, { method: 'POST', body })
          const text = await response.text()
          const context = `${response.status} for ${body.slice(0, 2000)}: ${text.slice(0, 500)}`
          expect(knownStatuses.has(response.status), context).toBe(true)
          if (response.status === 200) return
          const { error } = JSON.parse(text) as { error: { message: string } }
          expect(error, context).toMatchObject(documented)
          expect(error.message, context).not.toMatch(/\n {4}at |node_modules|\/src\/|\/dist\//)
        }),
      )
    }
  })

  test('and however it comes over the wire, it is answered so as well, or the client has left', async () => {
    const random = mulberry32(20_261_128)
    for (let round = 0; round < 26; round++) {
      const cases = Array.from({ length: 12 }, (_, i) => wireCase(12 * round + i, random))
      await Promise.all(
        cases.map(async (one) => {
          const received = await send(server.url, one)
          const context = `${one.what}: ${JSON.stringify([one, received]).slice(0, 3000)}`
          // What is answered then may be cut off.
          const isLost = one.end === 'leaves' || (one.end === 'ends' && !one.statuses)
          if (isLost) expect(received, context).toMatch(/^(HTTP\/1\.1 [245]\d\d |$)/)
          const answers = isLost ? [] : answersOf(received)
          if (one.statuses && !isLost)
            expect(
              answers.map(({ status }) => status),
              context,
            ).toEqual(one.statuses)
          for (const { status, headers, body } of answers) {
            expect([200, 501, 503].includes(status) || (status >= 400 && status < 500), context).toBe(true)
            expect(headers, context).toHaveProperty('x-request-id')
            if (status !== 200) expect(JSON.parse(body), context).toEqual({ error: documented })
          }
        }),
      )
    }
  })

  test.each([
    ['no HTTP', 'hello\r\n\r\n'],
    ['a path of bytes', 'GET /%ff%00%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['a path out of the folder', 'GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
    ['a whole address', 'GET http://evil.example/health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n'],
    ['a method of its own', 'BREW /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('%s on the wire is refused', async (_what, bytes) => {
    const [answer] = answersOf(await send(server.url, { pieces: [bytes], end: 'waits' }))
    expect(answer).toMatchObject({ status: expect.toSatisfy((status) => status >= 400 && status < 500) as number })
    expect(JSON.parse(answer!.body)).toEqual({ error: documented })
  })

  test('bodies that come slowly hold up nobody, and are answered once they are there', async () => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: question }], max_tokens: 3 })
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`
    let answered: (() => void) | undefined
    const other = new Promise<void>((resolve) => (answered = resolve))
    async function* slowly() {
      yield head + body.slice(0, 20)
      await other
      for (const character of body.slice(20, 40)) yield character
      yield body.slice(40)
    }
    const slow = Array.from({ length: 40 }, () => send(server.url, { pieces: slowly(), pauseMs: 1, end: 'waits' }))
    expect((await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body })).status).toBe(200)
    answered?.()
    const answers = (await Promise.all(slow)).flatMap(answersOf)
    expect(answers.map(({ status }) => status)).toEqual(slow.map(() => 200))
    for (const answer of answers) expect(JSON.parse(answer.body)).toMatchObject({ usage: { completion_tokens: 3 } })
  })

  test('a body that is too large is refused before it is read', async () => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(3_000_000) }] })
    const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body }).catch(() => undefined)
    if (response) expect(response.status).toBe(413)
  })

  test('both processes live on, and the next answer is right', async () => {
    expect(server.process.exitCode).toBeNull()
    expect(server.enginePid()).toBe(engine)
    const body = JSON.stringify({ messages: [{ role: 'user', content: question }], temperature: 0 })
    const response = await fetch(`${server.url}/v1/chat/completions`, { method: 'POST', body })
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] }
    expect(choices[0]!.message.content).toContain(`\\boxed{${answer}}`)
    // Those of clients that left, too.
    await until(async () => {
      const slots = (await (await fetch(`${server.url}/slots`)).json()) as { is_processing: boolean }[]
      return slots.every(({ is_processing }) => !is_processing)
    })
    expect(server.stderr()).not.toMatch(/a bug in dynts|^ {4}at /m)
  })
})
