/** The two ways to answer what takes minutes: a stream of events, and one JSON with white space before it. */
import { ApiError, apiErrorOf } from './api-error.ts'
import { ByteWriter, type ReplyLife } from './byte-writer.ts'
import { EventWriter, signOfLife, type EventForm, type StreamWriter } from './event-writer.ts'

export interface LongReply extends ReplyLife {
  readonly headers: Readonly<Record<string, string>>
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** A stream whose client alone it is for. @param run begins to write */
export function eventStream(
  run: (writer: StreamWriter) => void,
  { headers, ...life }: LongReply,
  form: EventForm = {},
): Response {
  const bytes = new ByteWriter(signOfLife, life)
  const writer = new EventWriter(bytes, form)
  bytes.waiting = writer
  run(writer)
  return streamReply(bytes.stream, headers)
}

export function streamReply(stream: ReadableStream<Uint8Array>, headers: Readonly<Record<string, string>>): Response {
  return new Response(stream, { headers: { ...headers, ...streamHeaders } })
}

/**
 * JSON that is computed for a while. Once `pingMs` have passed, the status has been sent: a failure is then the body of a 200.
 * @throws ApiError before that
 */
export async function slowJson(result: Promise<object>, { headers, ...life }: LongReply): Promise<Response> {
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  const first = await Promise.race([soon(result, life.pingMs), leaving(life)])
  if (first) return new Response(JSON.stringify(first), { headers: json })
  const bytes = new ByteWriter('\n', life)
  bytes.write('\n')
  result.then(
    (value) => bytes.end(JSON.stringify(value)),
    (error: unknown) => bytes.end(JSON.stringify(apiErrorOf(error).body)),
  )
  return new Response(bytes.stream, { headers: { ...json, connection: 'close' } })
}

/** What comes before `pingMs` have passed, for no client is left without a sign for longer; undefined: nothing. */
export async function soon<T>(result: Promise<T>, pingMs: number): Promise<T | undefined> {
  return await (pingMs === 0 ? result : Promise.race([result, later(pingMs)]))
}

/** Rejects when the client leaves, with the ApiError `cancelled`. */
export function leaving({ signal, onLeave }: Pick<ReplyLife, 'signal' | 'onLeave'>): Promise<never> {
  const left = new Promise<never>((_, reject) => {
    const leave = () => {
      onLeave()
      reject(clientLeft())
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  left.catch(() => undefined)
  return left
}

export function errorReply(error: ApiError, headers: Readonly<Record<string, string>> = {}): Response {
  const { retryAfter } = error.facts
  return new Response(JSON.stringify(error.body), {
    status: error.status,
    headers: {
      ...headers,
      'content-type': 'application/json; charset=utf-8',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
      ...(error.facts.allow === undefined ? {} : { allow: error.facts.allow }),
      ...(error.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(error.code === 'draining' ? { connection: 'close' } : {}),
    },
  })
}

/** Never read: the client is gone. */
export function clientLeft(): ApiError {
  return new ApiError(499, 'cancelled', 'the client has left')
}

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(() => resolve(undefined), ms).unref())
}
