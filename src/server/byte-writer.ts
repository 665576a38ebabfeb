/** A body that is written bit by bit to one client, with a sign of life in each silence. */

const encoder = new TextEncoder()

/** A client that leaves so much unread for so long is let go. */
const mostUnsent = 2 ** 20
const patienceMs = 60_000
/** With so much unread the client is slow, and what can be said in fewer words is. */
const slowBytes = 64 * 1024

export interface ReplyLife {
  /** 0: no signs of life. */
  readonly pingMs: number
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal
  /** The client has left, or does not read. */
  readonly onLeave: () => void
}

/** What has not been written because the client is slow. */
export interface Waiting {
  /** Writes it: there is room. */
  flush(): void
  /** About how many bytes it is. */
  measure(): number
}

export class ByteWriter {
  readonly stream: ReadableStream<Uint8Array>
  waiting: Waiting | undefined
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  readonly #onLeave: () => void
  readonly #timer: NodeJS.Timeout | undefined
  #writtenAt = performance.now()
  #stuckSince: number | undefined
  #isOpen = true

  constructor(sign: string, { pingMs, signal, onLeave }: ReplyLife) {
    this.#onLeave = onLeave
    const leave = () => this.#leave()
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.waiting?.flush(),
        cancel: leave,
      },
      new ByteLengthQueuingStrategy({ highWaterMark: slowBytes }),
    )
    // The body of an answer that nobody waits for is not read, and so not cancelled either.
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave, { once: true })
    if (!this.#isOpen) return
    const everyMs = pingMs === 0 ? 5000 : Math.min(pingMs, 5000)
    this.#timer = setInterval(() => {
      this.#watch()
      const isSilent = pingMs > 0 && performance.now() - this.#writtenAt >= pingMs
      if (isSilent && this.hasRoom) this.write(sign)
    }, everyMs).unref()
  }

  /** False: the client is slow. */
  get hasRoom(): boolean {
    return (this.#controller?.desiredSize ?? 1) > 0
  }

  write(text: string): void {
    if (!this.#isOpen || text === '') return
    this.#writtenAt = performance.now()
    this.#controller?.enqueue(encoder.encode(text))
  }

  end(text: string): void {
    if (!this.#isOpen) return
    this.write(text)
    this.#isOpen = false
    this.#controller?.close()
    this.#watch()
  }

  /** Also after its end, until it is read. */
  #watch(): void {
    const now = performance.now()
    const unsent = slowBytes - (this.#controller?.desiredSize ?? slowBytes)
    const isStuck = unsent > 0 && unsent + (this.waiting?.measure() ?? 0) > mostUnsent
    this.#stuckSince = isStuck ? (this.#stuckSince ?? now) : undefined
    if (this.#stuckSince !== undefined && now - this.#stuckSince > patienceMs) {
      this.#controller?.error(new Error('the client does not read'))
      this.#leave()
    } else if (!this.#isOpen && !isStuck) clearInterval(this.#timer)
  }

  #leave(): void {
    clearInterval(this.#timer)
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onLeave()
  }
}
