/** Where the lines of a chat come from: an editor at the terminal, or a pipe. */
import { createInterface } from 'node:readline'

export interface LineSource extends Disposable {
  /** The next line; undefined: there is no more. */
  next(prompt: string): Promise<string | undefined>
}

export function lineSource(input: NodeJS.ReadStream, output: NodeJS.WriteStream): LineSource {
  return input.isTTY && output.isTTY ? new LineEditor(input, output) : new PipedLines(input)
}

/** Edits a line at the terminal, with the earlier ones to go back to. Between two lines the terminal is as it was. */
class LineEditor implements LineSource {
  readonly #input: NodeJS.ReadStream
  readonly #output: NodeJS.WriteStream
  /** The newest first. */
  #history: string[] = []

  constructor(input: NodeJS.ReadStream, output: NodeJS.WriteStream) {
    this.#input = input
    this.#output = output
  }

  /**
   * Ctrl-C empties the line. On an empty one it says how the chat ends, and ends it the next time: it may have been meant for an answer
   * that ended at that moment. Ctrl-D ends the chat.
   */
  next(prompt: string): Promise<string | undefined> {
    const editor = createInterface({
      input: this.#input,
      output: this.#output,
      terminal: true,
      history: [...this.#history],
      removeHistoryDuplicates: true,
      prompt,
    })
    editor.on('history', (history) => (this.#history = [...history]))
    return new Promise((resolve) => {
      let line: string | undefined
      let isWarned = false
      editor.once('line', (text) => {
        line = text
        editor.close()
      })
      editor.on('SIGINT', () => {
        if (editor.line === '') {
          if (isWarned) {
            editor.close()
            return
          }
          isWarned = true
          this.#output.write('\nCtrl-C once more, Ctrl-D or /quit ends the chat.\n')
          editor.prompt()
          return
        }
        isWarned = false
        this.#output.write('\n')
        editor.write(null, { ctrl: true, name: 'u' })
        editor.write(null, { ctrl: true, name: 'k' })
      })
      editor.once('close', () => {
        if (line === undefined) this.#output.write('\n')
        resolve(line)
      })
      editor.prompt()
    })
  }

  [Symbol.dispose](): void {
    this.#input.pause()
  }
}

class PipedLines implements LineSource {
  readonly #lines: AsyncIterator<string, undefined>
  readonly #close: () => void

  constructor(input: NodeJS.ReadableStream) {
    const reader = createInterface({ input, crlfDelay: Infinity })
    this.#lines = reader[Symbol.asyncIterator]()
    this.#close = () => reader.close()
  }

  async next(): Promise<string | undefined> {
    const next = await this.#lines.next()
    return next.done === true ? undefined : next.value
  }

  [Symbol.dispose](): void {
    this.#close()
  }
}
