/** Requests as bytes, right ones and all kinds of wrong ones. */
import type { Sent } from './raw-http.ts'

export interface WireCase extends Sent {
  readonly what: string
  /** Of the answers, one after another; undefined: whatever comes, or nothing. */
  readonly statuses?: readonly number[]
}

/** A right request. */
interface Plain {
  readonly method: string
  readonly path: string
  readonly headers: readonly string[]
  readonly body: string
}

type Random = () => number
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)] as T

const host = 'Host: localhost'
const last = 'Connection: close'

function asked(random: Random): Plain {
  const { path, ...body } = pick(random, [
    { path: '/v1/chat/completions', messages: [{ role: 'user', content: 'Ava' }], max_tokens: 3 },
    { path: '/v1/chat/completions', messages: [{ role: 'user', content: 'Ben' }], max_tokens: 3, stream: true },
    { path: '/v1/completions', prompt: 'Ava has 5 coins.', max_tokens: 3 },
    { path: '/v1/responses', input: 'Ava', max_output_tokens: 3 },
    { path: '/tokenize', content: 'Ava has 5 coins.' },
  ])
  return { method: 'POST', path, headers: [host], body: JSON.stringify(body) }
}

/** Its bytes. @param lengths headers that say how long the body is; default: the right one */
function bytesOf({ method, path, headers, body }: Plain, lengths = [`Content-Length: ${body.length}`]): string {
  return `${[`${method} ${path} HTTP/1.1`, ...headers, ...lengths].join('\r\n')}\r\n\r\n${body}`
}

const closing = (request: Plain): Plain => ({ ...request, headers: [...request.headers, last] })
const withHeader = (request: Plain, ...more: string[]): Plain => ({
  ...request,
  headers: [...request.headers, ...more],
})

function chunked(body: string, random: Random): string {
  const pieces: string[] = []
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + Math.floor(random() * 40))
    pieces.push(`${piece.length.toString(16)}\r\n${piece}\r\n`)
    at += piece.length
  }
  return pieces.join('')
}

/** What is there of a request that is cut somewhere in its body. */
function cut(bytes: string, random: Random): string {
  const start = bytes.indexOf('\r\n\r\n') + 4
  return bytes.slice(0, start + Math.floor(random() * (bytes.length - start)))
}

function inPieces(bytes: string, random: Random): string[] {
  const pieces: string[] = []
  for (let at = 0; at < bytes.length;) {
    const size = 1 + Math.floor(random() * 60)
    pieces.push(bytes.slice(at, at + size))
    at += size
  }
  return pieces
}

type Made = Omit<WireCase, 'what' | 'end'> & { readonly end?: WireCase['end'] }
const refused = (bytes: string, status = 400): Made => ({ pieces: [bytes], statuses: [status] })
const chunks = ['Transfer-Encoding: chunked']

const kinds: Readonly<Record<string, (request: Plain, random: Random) => Made>> = {
  whole: (request) => ({ pieces: [bytesOf(closing(request))], statuses: [200] }),
  'in pieces': (request, random) => ({
    pieces: inPieces(bytesOf(closing(request)), random),
    pauseMs: 1,
    statuses: [200],
  }),
  'chunk by chunk': (request, random) => {
    const body = `${chunked(request.body, random)}0\r\n\r\n`
    return { pieces: inPieces(bytesOf({ ...closing(request), body }, chunks), random), statuses: [200] }
  },
  'cut off in the body': (request, random) => ({
    ...refused(cut(bytesOf(request), random)),
    end: 'ends',
  }),
  'left in the body': (request, random) => ({ pieces: [cut(bytesOf(request), random)], end: 'leaves' }),
  'left behind the body': (request) => ({ pieces: [bytesOf(request)], end: 'leaves' }),
  'cut off in the head': (request, random) => ({
    ...refused(bytesOf(request).slice(0, 1 + Math.floor(random() * 40))),
    end: 'ends',
  }),
  'chunks without an end': (request, random) => ({
    ...refused(bytesOf({ ...request, body: chunked(request.body, random) }, chunks)),
    end: 'ends',
  }),
  'a chunk of no size': (request, random) => {
    const body = `${chunked(request.body, random)}${pick(random, ['zz', '-1', '', ' ', 'ffffffffffffffffff'])}\r\n\r\n`
    return refused(bytesOf({ ...closing(request), body }, chunks))
  },
  'two lengths': (request, random) => {
    const right = `Content-Length: ${request.body.length}`
    const wrong = `Content-Length: ${pick(random, [0, 1, request.body.length + 1, request.body.length])}`
    return refused(bytesOf(closing(request), random() < 0.5 ? [right, wrong] : [wrong, right]))
  },
  'length and chunks': (request, random) => {
    const body = `${chunked(request.body, random)}0\r\n\r\n`
    return refused(bytesOf({ ...closing(request), body }, [`Content-Length: ${body.length}`, ...chunks]))
  },
  'a length that is too large': (request) => ({
    ...refused(bytesOf(request, [`Content-Length: ${request.body.length + 9}`])),
    end: 'ends',
  }),
  'a length that is too small': (request, random) => {
    const less = Math.floor(random() * (request.body.length - 1))
    return refused(bytesOf(closing(request), [`Content-Length: ${less}`]))
  },
  'a length that is none': (request, random) => {
    const none = pick(random, ['-1', '+5', '1e3', '0x10', '5, 6', 'five', '9'.repeat(30)])
    return refused(bytesOf(closing(request), [`Content-Length: ${none}`]))
  },
  'a length beyond all': (request) => refused(bytesOf(closing(request), ['Content-Length: 9007199254740991']), 413),
  'a body that is packed': (request) => refused(bytesOf(withHeader(closing(request), 'Content-Encoding: gzip')), 415),
  "a stranger's host": (request, random) => {
    const stranger = pick(random, ['evil.example', 'localhost.evil.example', '127.0.0.2', 'LOCALHOST.'])
    return refused(bytesOf({ ...request, headers: [`Host: ${stranger}`, last] }), 403)
  },
  'two hosts': (request, random) => {
    const hosts = ['Host: localhost', 'Host: evil.example']
    return { pieces: [bytesOf({ ...request, headers: [...(random() < 0.5 ? hosts : hosts.reverse()), last] })] }
  },
  'no host': (request) => refused(bytesOf({ ...request, headers: [last] })),
  'a flood of headers': (request, random) => {
    const [count, size] = pick(random, [
      [5000, 1],
      [20, 2000],
      [1, 40_000],
    ] as const)
    return refused(
      bytesOf(withHeader(request, ...Array.from({ length: count }, () => `X-A: ${'b'.repeat(size)}`))),
      431,
    )
  },
  'a header that is none': (request, random) => {
    const wrong = pick(random, ['X-A: \u0000', 'X A: b', ': b', 'X-A', 'X-A: b\nX-B: c', '\u00ff: b'])
    return { pieces: [bytesOf(withHeader(request, wrong, last))] }
  },
  'another version': (request, random) => {
    const version = pick(random, ['HTTP/9.9', 'HTTP/2.0', 'http/1.1', ''])
    return { pieces: [bytesOf(closing(request)).replace('HTTP/1.1', version)] }
  },
  'one byte is another': (request, random) => {
    const bytes = bytesOf(closing(request))
    const at = Math.floor(random() * bytes.indexOf('\r\n\r\n'))
    const other = String.fromCharCode(Math.floor(random() * 256))
    return { pieces: [bytes.slice(0, at) + other + bytes.slice(at + 1), ''], pauseMs: 100, end: 'ends' }
  },
  'several behind each other': (request, random) => {
    const count = 1 + Math.floor(random() * 4)
    const pieces = Array.from({ length: count }, () => bytesOf(asked(random)))
    return { pieces: [...pieces, bytesOf(closing(request))], statuses: Array.from({ length: count + 1 }, () => 200) }
  },
  'several at once': (request) => {
    const health = bytesOf({ ...request, method: 'GET', path: '/health', body: '' }, [])
    return { pieces: [health.repeat(30) + bytesOf(closing(request))], statuses: Array.from({ length: 31 }, () => 200) }
  },
  'several, and left': (_request, random) => ({
    pieces: [Array.from({ length: 5 }, () => bytesOf(asked(random))).join('')],
    end: 'leaves',
  }),
}

/** Of each kind in turn. */
export function wireCase(number: number, random: Random): WireCase {
  const all = Object.entries(kinds)
  const [what, make] = all[number % all.length] as (typeof all)[number]
  return { what, end: 'waits', ...make(asked(random), random) }
}
