/**
 * What a long run is doing and how much time it has left: one line on a terminal, a line every ten seconds elsewhere.
 * Everything goes to stderr, so that stdout holds results only.
 */
const showAfterMs = 2000

export class Progress {
  readonly #terminal = process.stderr.isTTY
  #title = ''
  #start = 0
  #shown = 0
  #lineOpen = false

  /** @param share 0 to 1 of what `title` names; a new title begins anew */
  show(title: string, share: number, detail = ''): void {
    const now = performance.now()
    if (title !== this.#title) {
      this.end()
      this.#title = title
      this.#start = now
      this.#shown = now + showAfterMs - this.#interval
    }
    if (now - this.#shown < this.#interval) return
    this.#shown = now
    const secondsLeft = share > 0 ? ((now - this.#start) / 1000) * (1 / share - 1) : undefined
    const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`
    const line = `${title}: ${(share * 100).toFixed(0)} %${left}${detail && `, ${detail}`}`
    process.stderr.write(this.#terminal ? `\r\x1b[K${line}` : `${line}\n`)
    this.#lineOpen = this.#terminal
  }

  /** Clears the line. */
  end(): void {
    if (this.#lineOpen) process.stderr.write('\r\x1b[K')
    this.#lineOpen = false
    this.#title = ''
  }

  get #interval(): number {
    return this.#terminal ? 250 : 10_000
  }
}

function duration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}
