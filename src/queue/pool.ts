/**
 * Keeps one costly resource open that many use at the same time. Who needs another one waits until all before him have finished,
 * and those behind him wait for him: nobody waits for ever, and jobs that need the same share it as long as they come together.
 */
export interface PoolOptions<T, N> {
  readonly open: (needs: N) => Promise<T>
  readonly close: (resource: T) => Promise<void>
  readonly fits: (resource: T, needs: N) => boolean
}

export class Pool<T, N> {
  readonly #options: PoolOptions<T, N>
  #current: { readonly resource: T } | undefined
  #users = 0
  #onIdle: (() => void) | undefined
  /** Ends when the last in the line has got what he needs. */
  #line: Promise<unknown> = Promise.resolve()

  constructor(options: PoolOptions<T, N>) {
    this.#options = options
  }

  /** @throws what `open` and `work` throw */
  async use<R>(needs: N, work: (resource: T) => Promise<R>): Promise<R> {
    const turn = this.#line.then(() => this.#take(needs))
    this.#line = turn.catch(() => undefined)
    const resource = await turn
    try {
      return await work(resource)
    } finally {
      this.#users--
      if (this.#users === 0) this.#onIdle?.()
    }
  }

  /** Closes what is open, when nobody uses it any more. */
  async close(): Promise<void> {
    const turn = this.#line.then(() => this.#closeCurrent())
    this.#line = turn.catch(() => undefined)
    await turn
  }

  async #take(needs: N): Promise<T> {
    const { open, fits } = this.#options
    if (!this.#current || !fits(this.#current.resource, needs)) {
      await this.#closeCurrent()
      this.#current = { resource: await open(needs) }
    }
    this.#users++
    return this.#current.resource
  }

  async #closeCurrent(): Promise<void> {
    if (this.#users > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    this.#onIdle = undefined
    const current = this.#current
    this.#current = undefined
    if (current) await this.#options.close(current.resource)
  }
}
