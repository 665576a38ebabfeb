/** Writes text into the log of a stream, whoever reads it, with a sign of life in each silence. */
import type { ByteLog } from './byte-log.ts'
import type { TextSink } from './event-writer.ts'

const encoder = new TextEncoder()

export class LogWriter implements TextSink {
  /** A log is never slow. */
  readonly hasRoom = true
  readonly #log: ByteLog
  readonly #onEnd: () => void
  readonly #timer: NodeJS.Timeout | undefined

  /**
   * @param pingMs 0: no signs of life
   * @param onEnd after the last byte
   */
  constructor(log: ByteLog, sign: string, pingMs: number, onEnd: () => void) {
    this.#log = log
    this.#onEnd = onEnd
    if (pingMs > 0) this.#timer = setInterval(() => this.write(sign), pingMs).unref()
  }

  write(text: string): void {
    if (text === '') return
    this.#log.append(encoder.encode(text))
    this.#timer?.refresh()
  }

  end(text: string): void {
    this.write(text)
    clearInterval(this.#timer)
    this.#onEnd()
  }
}
