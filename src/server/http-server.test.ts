import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpServer, listen } from './http-server.ts'

/** Of what nobody answers. */
const waiting: AbortSignal[] = []
const limits = { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 10 }
const server = createHttpServer(
  async (request) => {
    const { url } = request
    if (url.endsWith('/bug')) throw new Error('a bug')
    if (url.endsWith('/never')) {
      waiting.push(request.signal)
      return await new Promise<Response>(() => undefined)
    }
    if (url.endsWith('/endless')) {
      const begin = (controller: ReadableStreamDefaultController) =>
        controller.enqueue(new TextEncoder().encode('begun'))
      return new Response(new ReadableStream({ start: begin }))
    }
    await request.text()
    return new Response(url)
  },
  '1.2.3',
  limits,
)
let port = 0
beforeAll(async () => {
  port = (await listen(server, '127.0.0.1', 0)).port
})
afterAll(() => void server.close())

/** What comes back for these bytes. */
async function answered(bytes: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.setEncoding('utf8').on('data', (data: string) => (text += data))
    socket.on('close', () => resolve(text)).on('error', reject)
  })
}

const rest = 'Connection: close\r\n\r\n'

test.each([
  ['no HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
  ['a flood of headers', `GET / HTTP/1.1\r\n${'X-A: b\r\n'.repeat(5000)}\r\n`, 431, 'headers_too_large'],
  ['a host that is none', `GET / HTTP/1.1\r\nHost: a b\r\n${rest}`, 400, 'invalid_request'],
  ['a host with a path', `GET / HTTP/1.1\r\nHost: a/b\r\n${rest}`, 400, 'invalid_request'],
  ['a backslash', `GET /a\\b HTTP/1.1\r\nHost: a\r\n${rest}`, 400, 'invalid_request'],
  ['an address of another kind', `GET ftp://a/b HTTP/1.1\r\nHost: a\r\n${rest}`, 400, 'invalid_request'],
  ['a bug', `GET /bug HTTP/1.1\r\nHost: a\r\n${rest}`, 500, 'internal_error'],
])('%s is answered as everything is', async (_what, bytes, status, code) => {
  const [head = '', body = ''] = (await answered(bytes)).split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  expect(first).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(': ') as [string, string]))
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'x-dynts-version': '1.2.3',
    'x-request-id': expect.stringMatching(/^[\w-]{1,64}$/) as string,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  })
  expect(JSON.parse(body)).toEqual({
    error: {
      message: expect.any(String) as string,
      type: expect.any(String) as string,
      param: null,
      code,
    },
  })
})

test.each([
  ['headers', 'GET / HTTP/1.1\r\nHost: a\r\n'],
  ['a body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
])('%s that take too long are not waited for', async (_what, bytes) => {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  const [head = '', body = ''] = (await textOf(socket)).split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 408 /)
  expect(JSON.parse(body)).toMatchObject({ error: { code: 'request_timeout', type: 'invalid_request_error' } })
})

test('what is no HTTP behind a request is not answered in the midst of the answer to that', async () => {
  const socket = connect(port, '127.0.0.1', () => socket.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n'))
  let received = ''
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text
    if (received.endsWith('begun\r\n')) socket.write('hello\r\n\r\n')
  })
  await closed
  expect(received).toMatch(/^HTTP\/1\.1 200 /)
  expect(received).toMatch(/\r\n\r\n5\r\nbegun\r\n$/)
})

test('a client that leaves is told of to all that it has asked, also behind what is not answered yet', async () => {
  const socket = connect(port, '127.0.0.1', () => socket.write('GET /never HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(12)))
  await expect.poll(() => waiting.length).toBe(12)
  expect(waiting.filter(({ aborted }) => aborted)).toEqual([])
  socket.destroy()
  await expect.poll(() => waiting.filter(({ aborted }) => aborted).length).toBe(12)
})

test('what a client expects besides changes nothing', async () => {
  const text = await answered(`GET /a HTTP/1.1\r\nHost: b\r\nExpect: something\r\n${rest}`)
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  expect(text).toContain('http://b/a')
})
