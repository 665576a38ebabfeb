/** Writes a stream of events; to a client that reads slowly fewer and longer ones. */
import { apiErrorOf } from './api-error.ts'
import type { Waiting } from './byte-writer.ts'

/** A comment, which clients pass over. */
export const signOfLife = ': ping\n\n'

export interface StreamWriter {
  /** One JSON each, as events. */
  write(...chunks: readonly object[]): void
  /** Ends it, with OpenAI's last line. */
  done(): void
  /** Ends it with an error; the last line does not come. */
  fail(error: unknown): void
}

export interface EventForm {
  /** Whether each event has its `type` as its name; the last line does not come then. */
  readonly isNamed?: boolean | undefined
  /** Joins an event to the last of those that wait, where both say the same in one. @returns whether it did */
  readonly mergeInto?: ((waiting: object[], chunk: object) => boolean) | undefined
}

/** Where it writes to. */
export interface TextSink {
  readonly hasRoom: boolean
  write(text: string): void
  end(text: string): void
}

export class EventWriter implements StreamWriter, Waiting {
  readonly #sink: TextSink
  readonly #form: EventForm
  #waiting: object[] = []

  constructor(sink: TextSink, form: EventForm = {}) {
    this.#sink = sink
    this.#form = form
  }

  write(...chunks: readonly object[]): void {
    if (this.#sink.hasRoom) {
      this.#waiting.push(...chunks)
      this.flush()
    } else {
      for (const chunk of chunks) if (!this.#form.mergeInto?.(this.#waiting, chunk)) this.#waiting.push(chunk)
    }
  }

  flush(): void {
    const text = this.#text()
    this.#waiting = []
    this.#sink.write(text)
  }

  measure(): number {
    return this.#text().length
  }

  done(): void {
    this.flush()
    this.#sink.end(this.#form.isNamed === true ? '' : 'data: [DONE]\n\n')
  }

  fail(error: unknown): void {
    this.flush()
    this.#sink.end(`data: ${JSON.stringify(apiErrorOf(error).body)}\n\n`)
  }

  #text(): string {
    return this.#waiting.map((chunk) => this.#eventOf(chunk)).join('')
  }

  #eventOf(chunk: object): string {
    const name = this.#form.isNamed === true && 'type' in chunk ? `event: ${String(chunk.type)}\n` : ''
    return `${name}data: ${JSON.stringify(chunk)}\n\n`
  }
}
