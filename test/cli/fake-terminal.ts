/**
 * A small terminal: what a program writes becomes lines on a screen. Understands the sequences that `TerminalView` uses and
 * fails on any other. Colours are left out.
 */
import { EventEmitter } from 'node:events'
import type { WriteStream } from 'node:tty'

interface Cursor {
  readonly row: number
  readonly column: number
}

export class FakeTerminal extends EventEmitter {
  rows: number
  columns: number
  /** Everything that was written, as it came. */
  written = ''
  /** Lines that were scrolled out at the top. */
  readonly scrollback: string[] = []
  #screen: string[][]
  #row = 0
  #column = 0
  /** The last column was written: the next character goes to the next line. Moving the cursor forgets that. */
  #wraps = false
  #saved: Cursor = { row: 0, column: 0 }
  #bottom: number

  constructor(rows: number, columns: number) {
    super()
    this.rows = rows
    this.columns = columns
    this.#screen = Array.from({ length: rows }, () => [])
    this.#bottom = rows - 1
  }

  /** What `TerminalView` needs of a stream is there. */
  get stream(): WriteStream {
    return this as unknown as WriteStream
  }

  /** Lines on the screen, top to bottom. */
  get screen(): string[] {
    return this.#screen.map((line) =>
      Array.from({ length: line.length }, (_, i) => line[i] ?? ' ')
        .join('')
        .trimEnd(),
    )
  }

  /** Whether all rows scroll. */
  get scrollsWhole(): boolean {
    return this.#bottom === this.rows - 1
  }

  /** Gives it another number of rows: rows below the cursor go first, then those at the top; new ones come at the bottom. */
  resize(rows: number): void {
    this.#screen.splice(Math.max(rows, this.#row + 1))
    const above = this.#screen.splice(0, this.#screen.length - rows)
    this.scrollback.push(...above.map((line) => line.join('')))
    this.#row -= above.length
    while (this.#screen.length < rows) this.#screen.push([])
    this.rows = rows
    this.#bottom = rows - 1
    this.emit('resize')
  }

  write(text: string): boolean {
    this.written += text
    for (const [part] of text.matchAll(/\u001B\[[\d;]*[A-Za-z]|\u001B.|[^]/gu)) {
      if (part.startsWith('\u001B')) this.#control(part)
      else if (part === '\n') this.#lineFeed()
      else if (/\p{Cc}/u.test(part)) throw new Error(`control character ${JSON.stringify(part)}`)
      else this.#put(part)
    }
    return true
  }

  #control(sequence: string): void {
    const numbers = (/[\d;]+/.exec(sequence)?.[0] ?? '').split(';').map(Number)
    const [first = 0, second = 0] = numbers
    const last = sequence.at(-1)
    if (last === 'm') return
    if (sequence === '\u001B7') this.#saved = { row: this.#row, column: this.#column }
    else if (sequence === '\u001B8') this.#move(this.#saved)
    else if (sequence === '\u001B[2K') this.#screen[this.#row] = []
    else if (sequence === '\u001B[J') {
      this.#screen[this.#row]?.splice(this.#column)
      for (let row = this.#row + 1; row < this.rows; row++) this.#screen[row] = []
    } else if (sequence === '\u001BD') this.#index()
    else if (last === 'H') this.#move({ row: first - 1, column: second - 1 })
    else if (last === 'A') this.#move({ row: Math.max(0, this.#row - first), column: this.#column })
    else if (last === 'r') {
      if (first > 1) throw new Error(`scroll region from row ${first}`)
      this.#bottom = (second || this.rows) - 1
      this.#move({ row: 0, column: 0 })
    } else throw new Error(`unexpected ${JSON.stringify(sequence)}`)
  }

  #move({ row, column }: Cursor): void {
    if (row < 0 || row >= this.rows || column < 0 || column >= this.columns)
      throw new Error(`moved to ${row}, ${column}`)
    this.#row = row
    this.#column = column
    this.#wraps = false
  }

  #put(character: string): void {
    if (this.#wraps) this.#lineFeed()
    const line = this.#screen[this.#row]
    if (!line) throw new Error(`row ${this.#row}`)
    line[this.#column] = character
    if (this.#column === this.columns - 1) this.#wraps = true
    else this.#column++
  }

  #lineFeed(): void {
    this.#column = 0
    this.#index()
  }

  #index(): void {
    this.#wraps = false
    if (this.#row !== this.#bottom) {
      this.#row = Math.min(this.#row + 1, this.rows - 1)
      return
    }
    const [top = []] = this.#screen.splice(0, 1)
    this.scrollback.push(top.join(''))
    this.#screen.splice(this.#bottom, 0, [])
  }
}
