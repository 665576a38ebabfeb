/** The two ways to answer what takes minutes: a stream of events, and one JSON with white space before it. */
import { apiErrorOf, type ApiError } from './api-error.ts'

const encoder = new TextEncoder()

/** A client that leaves so much unread for so long is let go. */
const mostUnsent = 2 ** 20
const patienceMs = 60_000

export interface LongReply {
  /** 0: no signs of life. */
  readonly pingMs: number
  readonly headers: Readonly<Record<string, string>>
  /** The client has left, or does not read. */
  readonly onLeave: () => void
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
}

/** What writes into a stream. */
export interface StreamWriter {
  /** One JSON each, as events. */
  write(...chunks: readonly object[]): void
  /** Ends it, with OpenAI's last line. */
  done(): void
  /** Ends it with an error; the last line does not come. */
  fail(error: unknown): void
}

/** @param run begins to write; what it throws ends the stream */
export function eventStream(run: (writer: StreamWriter) => void, { pingMs, headers, onLeave }: LongReply): Response {
  const bytes = new ByteWriter(pingMs, ': ping\n\n', onLeave)
  const writer: StreamWriter = {
    write: (...chunks) => bytes.write(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')),
    done: () => bytes.end('data: [DONE]\n\n'),
    fail: (error) => bytes.end(`data: ${JSON.stringify(apiErrorOf(error).body)}\n\n`),
  }
  run(writer)
  return new Response(bytes.stream, { headers: { ...headers, ...streamHeaders } })
}

/**
 * JSON that is computed for a while. Once `pingMs` have passed, the status has been sent: a failure is then the body of a 200.
 * @throws ApiError before that
 */
export async function slowJson(result: Promise<object>, { pingMs, headers, onLeave }: LongReply): Promise<Response> {
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  const first = pingMs === 0 ? await result : await Promise.race([result, later(pingMs)])
  if (first) return new Response(JSON.stringify(first), { headers: json })
  const bytes = new ByteWriter(pingMs, '\n', onLeave)
  bytes.write('\n')
  result.then(
    (value) => bytes.end(JSON.stringify(value)),
    (error: unknown) => bytes.end(JSON.stringify(apiErrorOf(error).body)),
  )
  return new Response(bytes.stream, { headers: { ...json, connection: 'close' } })
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

function later(ms: number): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(() => resolve(undefined), ms).unref())
}

/** A body that is written bit by bit, with a sign of life in each silence. */
class ByteWriter {
  readonly stream: ReadableStream<Uint8Array>
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  readonly #timer: NodeJS.Timeout | undefined
  #writtenAt = performance.now()
  #stuckSince: number | undefined
  #isOpen = true

  constructor(pingMs: number, sign: string, onLeave: () => void) {
    const leave = () => {
      if (!this.#isOpen) return
      this.#close()
      onLeave()
    }
    this.stream = new ReadableStream<Uint8Array>(
      { start: (controller) => void (this.#controller = controller), cancel: leave },
      new ByteLengthQueuingStrategy({ highWaterMark: mostUnsent }),
    )
    const everyMs = pingMs === 0 ? 5000 : Math.min(pingMs, 5000)
    this.#timer = setInterval(() => {
      const now = performance.now()
      const isStuck = (this.#controller?.desiredSize ?? 1) <= 0
      this.#stuckSince = isStuck ? (this.#stuckSince ?? now) : undefined
      if (this.#stuckSince !== undefined && now - this.#stuckSince > patienceMs) {
        this.#controller?.error(new Error('the client does not read'))
        leave()
      } else if (pingMs > 0 && !isStuck && now - this.#writtenAt >= pingMs) this.write(sign)
    }, everyMs).unref()
  }

  write(text: string): void {
    if (!this.#isOpen || text === '') return
    this.#writtenAt = performance.now()
    this.#controller?.enqueue(encoder.encode(text))
  }

  end(text: string): void {
    if (!this.#isOpen) return
    this.write(text)
    this.#close()
    this.#controller?.close()
  }

  #close(): void {
    this.#isOpen = false
    clearInterval(this.#timer)
  }
}
