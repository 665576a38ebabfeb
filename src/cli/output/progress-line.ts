/**
 * How far a long piece of work is, and how long it still takes at the rate of this run: one line that is redrawn on a
 * terminal, and a plain line now and then elsewhere.
 */
import { percentDone } from '../../percent.ts'
import { count } from './counted.ts'

/** Work that is done before this needs no progress. */
const quietMs = 2000
const redrawMs = 200
const plainLineMs = 10_000

export interface ProgressLineOptions {
  /** Milliseconds that only grow. */
  readonly now?: () => number
}

export class ProgressLine implements Disposable {
  readonly #stream: NodeJS.WriteStream
  readonly #label: string
  readonly #now: () => number
  readonly #startedAt: number
  /** The first state: the rate counts from there. */
  #first: { readonly done: number; readonly at: number } | undefined
  #state = { done: 0, total: 0, note: '' }
  #shownAt = -Infinity
  #shown = ''
  #timer: NodeJS.Timeout | undefined

  /** @param label what is being done, e.g. `sampling` */
  constructor(stream: NodeJS.WriteStream, label: string, { now = () => performance.now() }: ProgressLineOptions = {}) {
    this.#stream = stream
    this.#label = label
    this.#now = now
    this.#startedAt = now()
  }

  /**
   * Says how far the work is; cheap enough to be called at every step. Call it once before the first step: what is done
   * by then does not count for the rate.
   */
  update(done: number, total: number, note = ''): void {
    this.#first ??= { done, at: this.#now() }
    this.#state = { done, total, note }
    // Steps may be minutes apart; the line says meanwhile that the work goes on.
    this.#timer ??= setInterval(() => this.#show(), this.#everyMs).unref()
    this.#show()
  }

  /** Writes a line of its own; on a terminal the progress goes on below it. */
  say(text: string): void {
    const isDrawn = this.#stream.isTTY && this.#shown !== ''
    this.#stream.write(`${isDrawn ? '\r\u001B[2K' : ''}${text}\n`)
    if (isDrawn) this.#draw(this.#shown)
  }

  /** Ends the line; the last state stays to be read. Allowed twice. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#shown === '') return
    if (this.#stream.isTTY) {
      this.#draw(this.#line())
      this.#stream.write('\n')
    }
    this.#shown = ''
  }

  [Symbol.dispose](): void {
    this.stop()
  }

  get #everyMs(): number {
    return this.#stream.isTTY ? redrawMs : plainLineMs
  }

  #show(): void {
    const now = this.#now()
    if (now - this.#startedAt < quietMs || now - this.#shownAt < this.#everyMs) return
    this.#shownAt = now
    const line = this.#line()
    if (this.#stream.isTTY) this.#draw(line)
    else this.#stream.write(`${line}\n`)
    this.#shown = line
  }

  /** The line is cut to the terminal's width, because a wrapped line cannot be redrawn. */
  #draw(line: string): void {
    const columns = this.#stream.columns > 1 ? this.#stream.columns - 1 : 79
    this.#stream.write(`\r\u001B[2K${line.slice(0, columns)}`)
  }

  #line(): string {
    const { done, total, note } = this.#state
    const share = total > 0 ? `, ${percentDone(done, total)}` : ''
    const counted = done - (this.#first?.done ?? done)
    const seconds = (this.#now() - (this.#first?.at ?? 0)) / 1000
    const parts = [`${this.#label}: ${count(Math.floor(done))} of ${count(Math.floor(total))}${share}`]
    if (counted > 0 && seconds > 0) {
      parts.push(formatRate(counted / seconds))
      if (done < total) parts.push(`${formatDuration(((total - done) * seconds) / counted)} left`)
    }
    if (note !== '') parts.push(note)
    return parts.join(', ')
  }
}

/** Slow work is counted by the minute or the hour, so that the number can be read. */
function formatRate(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`
  const perMinute = perSecond * 60
  return perMinute >= 1 ? `${perMinute.toFixed(1)}/min` : `${(perMinute * 60).toFixed(1)}/h`
}

/** e.g. `8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`
}
