/** The bytes of a run's stream from one connection after another: where one breaks, the next goes on. No DOM. */

/** How a stream is asked for. */
export interface StreamSource {
  /** Begins it; undefined: it was begun before. */
  readonly begin?: ((signal: AbortSignal) => Promise<Response>) | undefined
  /** Its bytes from one on, and what follows. */
  readonly resume: (from: number, signal: AbortSignal) => Promise<Response>
  /** Whether a failure may pass by itself. */
  readonly mayPass: (error: unknown) => boolean
  /** Whether a failure says that there is no such stream. */
  readonly isUnknown: (error: unknown) => boolean
  /** Calls back when the connection may have broken unnoticed, or may be possible again. @returns what ends it */
  readonly onWake: (wake: () => void) => () => void
  /** Told whenever the connection is lost, and whenever there is one again. */
  readonly onConnected: (isConnected: boolean) => void
}

/** The server gives a sign of life every 15 s; after this silence the connection is taken for broken. */
const longestSilenceMs = 45_000
/** After this silence a page that was woken takes it for broken. */
const wokenSilenceMs = 3000
const delaysMs = [0, 500, 1000, 2000, 4000] as const

/**
 * All bytes, each once and in order. A stream that a reader wants no more of is let go by `return`.
 * @throws what `begin` and `resume` throw, but for what may pass; the reason of `signal`
 */
export async function* streamBytes(source: StreamSource, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let from = 0
  for (let attempt = 0; ; attempt++) {
    if (attempt > 0) await pause(delaysMs[Math.min(attempt, delaysMs.length) - 1] ?? 0, source, signal)
    const connection = new Connection(source, signal)
    try {
      const response = await open(source, { from, isFirst: attempt === 0, signal: connection.signal })
      source.onConnected(true)
      for await (const bytes of connection.read(response.body)) {
        from += bytes.length
        attempt = 0
        yield bytes
      }
    } catch (error) {
      signal.throwIfAborted()
      if (!connection.isBroken && !source.mayPass(error)) throw error
    } finally {
      connection.close()
    }
    source.onConnected(false)
  }
}

interface Wanted {
  readonly from: number
  readonly isFirst: boolean
  readonly signal: AbortSignal
}

async function open({ begin, resume, isUnknown }: StreamSource, { from, isFirst, signal }: Wanted): Promise<Response> {
  if (isFirst && begin) return await begin(signal)
  try {
    return await resume(from, signal)
  } catch (error) {
    // The request had not come through.
    if (begin && from === 0 && isUnknown(error)) return await begin(signal)
    throw error
  }
}

/** Until the time is up, or there is reason to try at once. */
async function pause(ms: number, { onWake }: StreamSource, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  await new Promise<void>((resolve) => {
    const forget = onWake(resolve)
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => resolve(), { signal: ended.signal })
    ended.signal.addEventListener('abort', () => {
      forget()
      clearTimeout(timer)
    })
  })
  ended.abort()
  signal.throwIfAborted()
}

/** One connection; it breaks as well when nothing comes for too long. */
class Connection {
  readonly #abort = new AbortController()
  readonly #end = new AbortController()
  readonly #forget: () => void
  #heardAt = performance.now()
  #isReading = false
  readonly #timer: ReturnType<typeof setInterval>
  /** Whether it was given up. */
  isBroken = false

  constructor({ onWake }: StreamSource, signal: AbortSignal) {
    signal.addEventListener('abort', () => this.#abort.abort(signal.reason), { signal: this.#end.signal })
    this.#forget = onWake(() => this.#check(wokenSilenceMs))
    this.#timer = setInterval(() => this.#check(longestSilenceMs), 1000)
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Its bytes as they come. @throws when it breaks */
  async *read(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
    if (!body) return
    const reader = body.getReader()
    this.#isReading = true
    this.#heardAt = performance.now()
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        this.#heardAt = performance.now()
        yield value
      }
    } catch (error) {
      // Whatever its words are: they differ from browser to browser.
      this.isBroken = true
      throw error
    } finally {
      reader.cancel().catch(() => undefined)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#end.abort()
    this.#forget()
  }

  /** Before the headers nothing tells silence from a server that has much to do. */
  #check(silenceMs: number): void {
    if (!this.#isReading || performance.now() - this.#heardAt <= silenceMs) return
    this.isBroken = true
    this.#abort.abort()
  }
}
