/**
 * Text that comes in pieces, without the white space around it: what stands at its end is held back until other text follows. All
 * pieces joined are the whole text, trimmed.
 */
export class TrimmedText {
  #held = ''
  #hasBegun: boolean

  /** @param goesOn whether it follows other text, from which the white space at its beginning parts it */
  constructor({ goesOn = false } = {}) {
    this.#hasBegun = goesOn
  }

  /** What can be passed on now; it may be empty. */
  push(piece: string): string {
    const text = this.#hasBegun ? this.#held + piece : piece.trimStart()
    const visible = text.trimEnd()
    if (visible === '') {
      this.#held = this.#hasBegun ? text : ''
      return ''
    }
    this.#hasBegun = true
    this.#held = text.slice(visible.length)
    return visible
  }
}
