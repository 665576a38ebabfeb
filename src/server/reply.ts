/** The two ways to answer what takes minutes: a stream of events, and one JSON with white space before it. */
import { ApiError, apiErrorOf } from './api-error.ts'

const encoder = new TextEncoder()

/** A client that leaves so much unread for so long is let go. */
const mostUnsent = 2 ** 20
const patienceMs = 60_000

export interface LongReply {
  /** 0: no signs of life. */
  readonly pingMs: number
  readonly headers: Readonly<Record<string, string>>
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
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

/**
 * @param run begins to write; what it throws ends the stream
 * @param isNamed whether each event has its `type` as its name; the last line does not come then
 */
export function eventStream(
  run: (writer: StreamWriter) => void,
  { headers, ...life }: LongReply,
  isNamed = false,
): Response {
  const bytes = new ByteWriter(': ping\n\n', life)
  const writer: StreamWriter = {
    write: (...chunks) => bytes.write(chunks.map((chunk) => eventOf(chunk, isNamed)).join('')),
    done: () => bytes.end(isNamed ? '' : 'data: [DONE]\n\n'),
    fail: (error) => bytes.end(`data: ${JSON.stringify(apiErrorOf(error).body)}\n\n`),
  }
  run(writer)
  return new Response(bytes.stream, { headers: { ...headers, ...streamHeaders } })
}

function eventOf(chunk: object, isNamed: boolean): string {
  const name = isNamed && 'type' in chunk ? `event: ${String(chunk.type)}\n` : ''
  return `${name}data: ${JSON.stringify(chunk)}\n\n`
}

/**
 * JSON that is computed for a while. Once `pingMs` have passed, the status has been sent: a failure is then the body of a 200.
 * @throws ApiError before that
 */
export async function slowJson(result: Promise<object>, { headers, ...life }: LongReply): Promise<Response> {
  const { pingMs, signal, onLeave } = life
  const json = { ...headers, 'content-type': 'application/json; charset=utf-8' }
  const left = new Promise<never>((_, reject) => {
    const leave = () => {
      onLeave()
      reject(clientLeft())
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
  })
  left.catch(() => undefined)
  const first = await Promise.race([result, left, ...(pingMs === 0 ? [] : [later(pingMs)])])
  if (first) return new Response(JSON.stringify(first), { headers: json })
  const bytes = new ByteWriter('\n', life)
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

/** Never read: the client is gone. */
export function clientLeft(): ApiError {
  return new ApiError(499, 'cancelled', 'the client has left')
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

  constructor(sign: string, { pingMs, signal, onLeave }: Omit<LongReply, 'headers'>) {
    const leave = () => {
      if (!this.#isOpen) return
      this.#close()
      onLeave()
    }
    this.stream = new ReadableStream<Uint8Array>(
      { start: (controller) => void (this.#controller = controller), cancel: leave },
      new ByteLengthQueuingStrategy({ highWaterMark: mostUnsent }),
    )
    // The body of an answer that nobody waits for is not read, and so not cancelled either.
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    if (!this.#isOpen) return
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
