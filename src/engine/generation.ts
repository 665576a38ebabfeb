/**
 * A generation as the caller sees it: events to iterate over, and a result.
 */
import type { GenerateEvent, GenerateResult } from './types.ts'

/** How many events are kept for a reader that does not come. */
export const mostUnreadEvents = 4096

/**
 * Leaving the iteration early cancels the generation. Whoever reads late, or slowly, misses no text: beyond `mostUnreadEvents` the
 * tokens of a phase become one event, and evictions are left out.
 */
export class Generation implements AsyncIterable<GenerateEvent> {
  /** Resolves when the generation has ended, also when it was cancelled. Rejects if the request was refused or failed. */
  readonly result: Promise<GenerateResult>
  readonly #tell: (what: 'cancel' | 'endThinking') => void
  readonly #settle: Omit<Deferred<GenerateResult>, 'promise'>
  readonly #unread: GenerateEvent[] = []
  readonly #mostUnread: number
  #ended = false
  #error: Error | undefined
  /** Readers that wait for the next event. */
  #waiting: (() => void)[] = []

  /** @param mostUnread 0: nobody will read */
  constructor(tell: (what: 'cancel' | 'endThinking') => void, mostUnread = mostUnreadEvents) {
    this.#tell = tell
    this.#mostUnread = mostUnread
    const { promise, ...settle } = deferred<GenerateResult>()
    this.result = promise
    this.#settle = settle
    // Whoever iterates sees the error there, and need not look at the promise too.
    this.result.catch(() => undefined)
  }

  /** Ends the generation; its result has the finish reason `cancelled`. */
  cancel(): void {
    if (!this.#ended) this.#tell('cancel')
  }

  /** Closes the thinking at the next place where its text is whole, so that the answer follows. Without effect outside of a thinking. */
  endThinking(): void {
    if (!this.#ended) this.#tell('endThinking')
  }

  /** For the engine. */
  push(event: GenerateEvent): void {
    this.#keep(event)
    if (event.type === 'finish') {
      this.#ended = true
      this.#settle.resolve(event.result)
    }
    this.#wake()
  }

  /** For the engine. */
  fail(error: Error): void {
    this.#ended = true
    this.#error = error
    this.#settle.reject(error)
    this.#wake()
  }

  #keep(event: GenerateEvent): void {
    if (this.#mostUnread === 0) return
    const isFull = this.#unread.length >= this.#mostUnread
    const last = this.#unread.at(-1)
    if (isFull && event.type === 'eviction') return
    if (isFull && event.type === 'token' && last?.type === 'token' && last.phase === event.phase) {
      this.#unread[this.#unread.length - 1] = { ...event, token: null, text: last.text + event.text }
    } else {
      this.#unread.push(event)
    }
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerateEvent, void, undefined> {
    try {
      for (;;) {
        const event = this.#unread.shift()
        if (event) {
          yield event
          continue
        }
        if (this.#error) throw this.#error
        if (this.#ended) return
        await new Promise<void>((resolve) => this.#waiting.push(resolve))
      }
    } finally {
      this.cancel()
    }
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred<T>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] = () => undefined
  let reject: Deferred<T>['reject'] = () => undefined
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}
