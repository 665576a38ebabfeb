/** The bytes of a stream that goes on without its reader, and can be read again: the last of them, as many as there is room for. */

/** Memory is taken, and given back, in pieces of this size. */
const blockBytes = 64 * 1024

export class ByteLog {
  readonly #mostBlocks: number
  #blocks: Uint8Array[] = []
  /** Blocks before those that are kept. */
  #gone = 0
  #size = 0
  #isEnded = false
  /** Readers that have read all there is. */
  readonly #waiting = new Set<() => void>()
  readonly #readers = new Set<object>()

  /** @param mostBytes kept, a multiple of 64 KiB */
  constructor(mostBytes: number) {
    this.#mostBlocks = Math.max(1, Math.floor(mostBytes / blockBytes))
  }

  /** Offset of the first byte that is still there. */
  get start(): number {
    return Math.min(this.#gone * blockBytes, this.#size)
  }

  /** Offset behind the last byte. */
  get size(): number {
    return this.#size
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether anybody follows it. */
  get isRead(): boolean {
    return this.#readers.size > 0
  }

  /** Bytes of memory that it holds. */
  get heldBytes(): number {
    return this.#blocks.length * blockBytes
  }

  append(bytes: Uint8Array): void {
    if (this.#isEnded) return
    for (let done = 0; done < bytes.length;) {
      const at = this.#size % blockBytes
      if (at === 0) this.#addBlock()
      const part = bytes.subarray(done, done + blockBytes - at)
      this.#blocks.at(-1)?.set(part, at)
      this.#size += part.length
      done += part.length
    }
    this.#wake()
  }

  /** Nothing more comes. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Ends it, and gives its memory back: who has not read all of it is cut off. */
  drop(): void {
    this.end()
    this.#blocks = []
    this.#gone = Infinity
  }

  /**
   * The bytes from an offset on, and what follows until the end. A reader that falls behind what is kept is cut off.
   * @param signal aborted when the reader leaves
   */
  follow(from: number, signal: AbortSignal): ReadableStream<Uint8Array> {
    let at = from
    let give = () => {}
    const reader = {}
    const stopWaiting = () => void this.#waiting.delete(give)
    const leave = () => {
      stopWaiting()
      this.#readers.delete(reader)
    }
    if (!signal.aborted) this.#readers.add(reader)
    signal.addEventListener('abort', leave, { once: true })
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) =>
          new Promise((resolve) => {
            give = () => {
              const bytes = at < this.start ? undefined : this.#read(at)
              if (bytes?.length === 0 && !this.#isEnded) return
              if (bytes === undefined) controller.error(new Error('the reader is too slow'))
              else if (bytes.length === 0) controller.close()
              else controller.enqueue(bytes)
              at += bytes?.length ?? 0
              if (bytes === undefined || bytes.length === 0) leave()
              else stopWaiting()
              resolve()
            }
            if (signal.aborted) return
            this.#waiting.add(give)
            give()
          }),
        cancel: leave,
      },
      // Nothing is taken from the log before it is asked for.
      { highWaterMark: 0 },
    )
  }

  /** Up to a block; empty: there is nothing yet. */
  #read(at: number): Uint8Array {
    const begin = at % blockBytes
    const block = this.#blocks[Math.floor(at / blockBytes) - this.#gone]
    return block?.subarray(begin, Math.min(blockBytes, begin + this.#size - at)) ?? new Uint8Array()
  }

  #addBlock(): void {
    this.#blocks.push(new Uint8Array(blockBytes))
    if (this.#blocks.length <= this.#mostBlocks) return
    this.#blocks.shift()
    this.#gone++
  }

  #wake(): void {
    for (const give of [...this.#waiting]) give()
  }
}
