/** Wraps text between words, as it comes: a word that would not fit any more begins a new line. */
import { textWidth } from './text-width.ts'

export class WordWrap {
  readonly #columns: () => number
  /** Columns of the current line that are taken, its held word excluded. */
  #column = 0
  /** A word that may go on, with the white space before it. */
  #space = ''
  #word = ''

  /** @param columns of the terminal, which may change */
  constructor(columns: () => number) {
    this.#columns = columns
  }

  /** The text that can be written now; the last word is held back until it has ended. */
  push(text: string): string {
    let out = ''
    for (const [part] of text.matchAll(/\n|[^\S\n]+|\S+/g)) {
      if (part === '\n') {
        out += this.flush()
        // White space at the end of a line is not seen.
        this.#space = ''
        this.#column = 0
        out += '\n'
      } else if (/^\s/.test(part)) {
        out += this.flush()
        this.#space += part
      } else this.#word += part
    }
    return out
  }

  /** The held word: it has ended. */
  flush(): string {
    if (this.#word === '') return ''
    const [space, word] = [this.#space, this.#word]
    this.#space = ''
    this.#word = ''
    const columns = Math.max(1, this.#columns())
    const [gap, width] = [textWidth(space), textWidth(word)]
    const fits = this.#column + gap + width <= columns
    if (!fits && this.#column > 0) {
      this.#column = taken(width, columns)
      return `\n${word}`
    }
    this.#column = taken(this.#column + gap + width, columns)
    return space + word
  }
}

/** Columns that are taken of the last line of so many: a full line is full until the next character. */
function taken(width: number, columns: number): number {
  return width === 0 ? 0 : ((width - 1) % columns) + 1
}
