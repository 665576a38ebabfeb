/**
 * The view of a terminal: thinking dimmed, answer plain, and a live line at the bottom. The live line has a row of its own
 * below a scroll region, so text that is longer than the screen scrolls by itself and nothing is ever drawn twice.
 */
import pc from 'picocolors'
import type { Phase } from '../../engine/reasoning-phase.ts'
import type { GenerateEvent, StartEvent } from '../../engine/types.ts'
import { counted } from '../output/counted.ts'
import { printable } from '../output/printable.ts'
import type { RunView } from './run-view.ts'
import { textWidth } from '../output/text-width.ts'
import { WordWrap } from '../output/word-wrap.ts'

const escape = '\u001B['
const saveCursor = '\u001B7'
const restoreCursor = '\u001B8'
/** One row down in the same column; in the last row the text scrolls. */
const indexDown = '\u001BD'
const redrawMs = 100

/** Without colours thinking and answer could not be told apart, and a dumb terminal has no scroll region. */
export function canSteerTerminal(): boolean {
  return process.stdout.isTTY && pc.isColorSupported && process.env['TERM'] !== 'dumb'
}

interface Progress {
  start: StartEvent | undefined
  cells: number
  tokens: number
  evictions: number
  finished: boolean
}

interface TerminalOptions {
  readonly showText: boolean
  /** Default: yes. */
  readonly showThinking?: boolean
  /** Whether lines break between words. Default: where the terminal breaks them. */
  readonly wraps?: boolean
}

export class TerminalView implements RunView {
  readonly #out: NodeJS.WriteStream
  readonly #showText: boolean
  readonly #showThinking: boolean
  readonly #wrap: WordWrap | undefined
  #phase: Phase = 'thinking'
  #title = ''
  #generations: Progress[] = []
  #startedAt = 0
  #drawnAt = 0
  #rows = 0
  #columns = 0
  /** The terminal has changed its size while the text ended at the right margin. */
  #resized = false
  #open = false
  /** Columns that the current line of text takes, however often the terminal has wrapped it. */
  #column = 0
  readonly #onResize = () => this.#resize()
  readonly #onExit = () => this.#release()

  /** @param options `wraps`: between words */
  constructor(out: NodeJS.WriteStream, options: TerminalOptions) {
    this.#out = out
    this.#showText = options.showText
    this.#showThinking = options.showThinking ?? true
    this.#wrap = options.wraps ? new WordWrap(() => out.columns) : undefined
  }

  begin(title: string, samples: number): void {
    this.#title = title
    this.#generations = Array.from({ length: samples }, () => {
      return { start: undefined, cells: 0, tokens: 0, evictions: 0, finished: false }
    })
    this.#startedAt = performance.now()
    this.#open = true
    this.#out.write('\n\u001B[1A')
    this.#reserve()
    this.#out.on('resize', this.#onResize)
    process.once('exit', this.#onExit)
  }

  onEvent(index: number, event: GenerateEvent): void {
    const generation = this.#generations[index]
    if (!generation) return
    if (event.type === 'start') generation.start = event
    else if (event.type === 'eviction') {
      generation.evictions++
      generation.cells = event.kept.length
    } else if (event.type === 'finish') generation.finished = true
    else if (event.type === 'token') {
      generation.cells = event.cells
      if (event.token !== null) generation.tokens++
      if (this.#showText && this.#generations.length === 1) this.#show(event.phase, printable(event.text))
    }
    this.#draw(event.type !== 'token')
  }

  end(): void {
    if (!this.#open) return
    this.#style(this.#wrap?.flush() ?? '')
    if (this.#column > 0) this.#write('\n', '\n')
    this.#out.off('resize', this.#onResize)
    process.off('exit', this.#onExit)
    this.#release()
  }

  #show(phase: Phase, text: string): void {
    if (phase === 'thinking' && !this.#showThinking) return
    if (phase !== this.#phase) this.#style(this.#wrap?.flush() ?? '')
    this.#phase = phase
    this.#style(this.#wrap?.push(text) ?? text)
  }

  #style(text: string): void {
    this.#write(this.#phase === 'thinking' ? pc.dim(text) : text, text)
  }

  #write(styled: string, text: string): void {
    if (text === '') return
    this.#out.write(styled)
    const lineStart = text.lastIndexOf('\n') + 1
    this.#column = (lineStart > 0 ? 0 : this.#column) + textWidth(text.slice(lineStart))
    if (this.#resized) this.#resize()
  }

  /** Keeps the last row out of scrolling. */
  #reserve(): void {
    this.#rows = this.#out.rows
    this.#columns = this.#out.columns
    if (this.#rows < 4) return
    this.#out.write(`${saveCursor}${escape}1;${this.#rows - 1}r${restoreCursor}`)
    this.#draw(true)
  }

  /** A terminal moves the rows as it likes: only the cursor is known, which stands where the text ends. */
  #resize(): void {
    this.#resized = this.#atMargin(this.#columns)
    if (this.#resized) return
    // The old live line is below the text. The text may end in the last row, which is the new one's.
    this.#out.write(`${saveCursor}${escape}r${restoreCursor}${escape}J${indexDown}${escape}1A`)
    this.#reserve()
  }

  /** There a terminal holds the line break back, and forgets it when the cursor is moved. */
  #atMargin(columns: number): boolean {
    return this.#column > 0 && this.#column % columns === 0
  }

  #release(): void {
    if (!this.#open) return
    this.#open = false
    if (this.#rows >= 4) this.#out.write(`${saveCursor}${escape}r${escape}${this.#rows};1H${escape}2K${restoreCursor}`)
  }

  #draw(now: boolean): void {
    if (!this.#open || this.#rows < 4) return
    if (this.#atMargin(this.#out.columns)) return
    const time = performance.now()
    if (!now && time - this.#drawnAt < redrawMs) return
    this.#drawnAt = time
    const line = this.#line().slice(0, Math.max(10, this.#out.columns - 1))
    this.#out.write(`${saveCursor}${escape}${this.#rows};1H${escape}2K${pc.cyan(line)}${restoreCursor}`)
  }

  #line(): string {
    const total = (count: (generation: Progress) => number) => this.#generations.reduce((sum, g) => sum + count(g), 0)
    const seconds = Math.max(0.001, (performance.now() - this.#startedAt) / 1000)
    const tokens = total((g) => g.tokens)
    const budget = this.#generations[0]?.start?.budget
    const cells = Math.max(0, ...this.#generations.map((g) => g.cells))
    const running = this.#generations.filter((g) => !g.finished).length
    return [
      ...(this.#title === '' ? [] : [this.#title]),
      budget ? `${bar(cells / budget)} ${cells} of ${budget} cells` : `${cells} cells`,
      counted(
        total((g) => g.evictions),
        'eviction',
      ),
      counted(tokens, 'token'),
      `${(tokens / seconds).toFixed(tokens / seconds < 10 ? 1 : 0)} tokens/s`,
      ...(this.#generations.length > 1 ? [`${running} of ${this.#generations.length} running`] : []),
    ].join(' · ')
  }
}

function bar(share: number): string {
  const filled = Math.round(Math.min(1, share) * 10)
  return '█'.repeat(filled) + '░'.repeat(10 - filled)
}
