/** A request's body: within its limit, and JSON that does not nest without end. */
import { ApiError, quoted } from './api-error.ts'
import { wellFormed } from './well-formed.ts'

const deepest = 64
/** So many are read at once; the others wait. */
const mostReaders = 64

/** Of lists and objects in all, besides tokens: each is looked at by the schemas, and all requests wait meanwhile. */
const mostValues = 65_536
const mostTokens = 2 ** 18
/** Fields that may be lists of tokens. */
const tokenFields: ReadonlySet<string> = new Set(['prompt', 'tokens'])

let readers = 0
const waiting: (() => void)[] = []

/** @throws ApiError `body_too_large`, `unsupported_encoding` */
export async function readBody(request: Request, mostBytes: number): Promise<string> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding !== 'identity') {
    throw new ApiError(415, 'unsupported_encoding', `the body must not be encoded as ${quoted(encoding)}`)
  }
  const tooLarge = new ApiError(413, 'body_too_large', `the body is larger than ${mostBytes} bytes (--max-body)`)
  if (Number(request.headers.get('content-length') ?? 0) > mostBytes) throw tooLarge
  return await inTurn(async () => {
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += part.length
      if (bytes > mostBytes) throw tooLarge
      parts.push(part)
    }
    return Buffer.concat(parts).toString('utf8')
  })
}

async function inTurn<T>(read: () => Promise<T>): Promise<T> {
  // Who was woken has its place already.
  if (readers < mostReaders) readers++
  else await new Promise<void>((resolve) => waiting.push(resolve))
  try {
    return await read()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else readers--
  }
}

/**
 * A JSON object; `null` in it means that a field is not given.
 * @throws ApiError `invalid_json`, `too_deep`, `too_many_values`, `invalid_type`
 */
export function parseBody(text: string): Record<string, unknown> {
  if (depthOf(text) > deepest) throw new ApiError(400, 'too_deep', `the body nests deeper than ${deepest} levels`)
  let value: unknown
  try {
    const plain = text.replace(/^\uFEFF/, '')
    // Looking at each value costs ten times as much as reading it.
    value = mayBeWrong.test(plain) ? JSON.parse(plain, checked) : JSON.parse(plain)
  } catch (cause) {
    throw new ApiError(
      400,
      'invalid_json',
      `the body must be JSON: ${cause instanceof Error ? quoted(cause.message) : ''}`,
    )
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(400, 'invalid_type', 'the body must be a JSON object')
  }
  const body = value as Record<string, unknown>
  checkCount(body)
  return body
}

/** Halves of characters come as escapes only; what is beyond all numbers has a large exponent, or very many digits. */
const mayBeWrong = /\\u[dD][89a-fA-F]|[eE]\+?\d{3}|\d{200}/

/** @throws ApiError `too_many_values` */
function checkCount(body: Readonly<Record<string, unknown>>): void {
  const fields = Object.entries(body)
  const isToken = ([name]: readonly [string, unknown]) => tokenFields.has(name)
  const counts = [
    [fields.filter(isToken), mostTokens],
    [fields.filter((field) => !isToken(field)), mostValues],
  ] as const
  for (const [given, most] of counts) {
    let left = most
    const count = (members: readonly unknown[]): void => {
      left -= members.length
      if (left < 0)
        throw new ApiError(400, 'too_many_values', `lists and objects of the body have more than ${most} members`)
      for (const one of members) if (typeof one === 'object' && one !== null) count(Object.values(one))
    }
    count(given.map(([, one]) => one))
  }
}

function checked(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value)
  if (typeof value === 'number' && !Number.isFinite(value)) throw new SyntaxError('a number is too large')
  return value
}

/** Of brackets outside of texts. */
function depthOf(text: string): number {
  let [depth, deepestSeen] = [0, 0]
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inText) {
      if (code === 0x5c) i++
      else if (code === 0x22) inText = false
    } else if (code === 0x22) inText = true
    else if (code === 0x5b || code === 0x7b) deepestSeen = Math.max(deepestSeen, ++depth)
    else if (code === 0x5d || code === 0x7d) depth--
  }
  return deepestSeen
}
