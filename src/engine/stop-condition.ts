/**
 * Ends an answer at a stop text, also when the text is spread over several tokens. Knows nothing of tokens.
 */
import { overlap } from './text-overlap.ts'

export class StopTexts {
  readonly #stops: readonly string[]
  #held = ''
  #found: string | undefined

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** Which one ended the answer: the first, and of several that begin there the longest. */
  get found(): string | undefined {
    return this.#found
  }

  /**
   * Takes the next piece of the answer.
   * @returns the text that cannot be part of a stop text any more, and whether a stop text was found (it and what follows
   * it, in later pieces too, are dropped)
   */
  push(text: string): { text: string; stopped: boolean } {
    if (this.#stops.length === 0) return { text, stopped: false }
    if (this.#found !== undefined) return { text: '', stopped: true }
    this.#held += text
    const [first] = this.#stops
      .map((stop) => ({ stop, at: this.#held.indexOf(stop) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || b.stop.length - a.stop.length)
    if (first) {
      const released = this.#held.slice(0, first.at)
      this.#held = ''
      this.#found = first.stop
      return { text: released, stopped: true }
    }
    const keep = Math.max(...this.#stops.map((stop) => overlap(this.#held, stop)))
    const released = this.#held.slice(0, this.#held.length - keep)
    this.#held = this.#held.slice(released.length)
    return { text: released, stopped: false }
  }

  /** The text that was held back; call it once, at the end. */
  finish(): string {
    const held = this.#held
    this.#held = ''
    return held
  }
}
