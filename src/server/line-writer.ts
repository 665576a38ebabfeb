/** Writes lines to an open file without letting anybody wait; what is left is written when the process ends. */
import { write, writeSync } from 'node:fs'

/** Who does not read gets no more than so many bytes later; further lines are left out. */
const usualMostUnwritten = 8 * 2 ** 20
/** After a pipe was full. */
const againMs = 20
/** The most that the end of the process waits for a full pipe. */
const endPatienceMs = 1000

export class LineWriter {
  readonly #descriptor: number
  readonly #leftOutLine: (count: number) => string
  readonly #mostUnwritten: number
  #lines: string[] = []
  #bytes = 0
  #leftOut = 0
  /** Of a piece that is written, what is not yet. */
  #rest: Uint8Array = new Uint8Array()
  #isUnderWay = false

  /**
   * @param descriptor of the file, a pipe for example
   * @param leftOutLine what stands in the place of lines that were left out
   */
  constructor(descriptor: number, leftOutLine: (count: number) => string, mostUnwritten = usualMostUnwritten) {
    this.#descriptor = descriptor
    this.#leftOutLine = leftOutLine
    this.#mostUnwritten = mostUnwritten
    process.once('exit', () => this.flush())
  }

  /** @param line with its line feed */
  write(line: string): void {
    const bytes = Buffer.byteLength(line)
    if (this.#leftOut > 0 || this.#bytes + bytes > this.#mostUnwritten) this.#leftOut++
    else {
      this.#lines.push(line)
      this.#bytes += bytes
    }
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    setImmediate(() => this.#writeNext())
  }

  /** Writes what is left, and waits for it; what cannot be written is lost. */
  flush(): void {
    const deadline = performance.now() + endPatienceMs
    const clock = new Int32Array(new SharedArrayBuffer(4))
    while (this.#takePiece() && performance.now() < deadline) {
      try {
        this.#rest = this.#rest.subarray(writeSync(this.#descriptor, this.#rest))
      } catch (error) {
        if (!isFull(error)) return
        Atomics.wait(clock, 0, 0, againMs)
      }
    }
  }

  #writeNext(): void {
    if (!this.#takePiece()) {
      this.#isUnderWay = false
      return
    }
    const piece = this.#rest
    // Should the process end meanwhile, it is not written twice.
    this.#rest = new Uint8Array()
    write(this.#descriptor, piece, (error, written) => {
      if (!error) this.#rest = piece.subarray(written)
      else if (isFull(error)) this.#rest = piece
      // Else nobody reads any more, and nothing can be told to anybody.
      if (error && isFull(error)) setTimeout(() => this.#writeNext(), againMs).unref()
      else this.#writeNext()
    })
  }

  /** @returns whether there is anything to write */
  #takePiece(): boolean {
    if (this.#rest.length > 0) return true
    if (this.#leftOut > 0) this.#lines.push(this.#leftOutLine(this.#leftOut))
    this.#rest = Buffer.from(this.#lines.join(''))
    this.#lines = []
    this.#bytes = 0
    this.#leftOut = 0
    return this.#rest.length > 0
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EAGAIN'
}
