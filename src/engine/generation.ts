/**
 * A generation as the caller sees it: events to iterate over, and a result.
 */
import type { GenerateEvent, GenerateResult } from './types.ts'

/** Leaving the iteration early cancels the generation. */
export class Generation implements AsyncIterable<GenerateEvent> {
  /** Resolves when the generation has ended, also when it was cancelled. Rejects if the request was refused or failed. */
  readonly result: Promise<GenerateResult>
  readonly #cancel: () => void
  readonly #settle: Omit<Deferred<GenerateResult>, 'promise'>
  readonly #queue: GenerateEvent[] = []
  #ended = false
  #error: Error | undefined
  /** Readers that wait for the next event. */
  #waiting: (() => void)[] = []

  constructor(cancel: () => void) {
    this.#cancel = cancel
    const { promise, ...settle } = deferred<GenerateResult>()
    this.result = promise
    this.#settle = settle
    // Whoever iterates sees the error there, and need not look at the promise too.
    this.result.catch(() => undefined)
  }

  /** Ends the generation; its result has the finish reason `cancelled`. */
  cancel(): void {
    if (!this.#ended) this.#cancel()
  }

  /** For the engine. */
  push(event: GenerateEvent): void {
    this.#queue.push(event)
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

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<GenerateEvent, void, undefined> {
    try {
      for (;;) {
        const event = this.#queue.shift()
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
