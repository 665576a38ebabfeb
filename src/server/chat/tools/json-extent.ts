/** Finds where a JSON object ends that comes in pieces: brackets within its texts do not count. */
export class JsonExtent {
  #depth = 0
  #inText = false
  #isEscaped = false

  /**
   * Takes more of it, its first bracket first.
   * @returns how many characters of the piece belong to it if it ends here; `open`; `broken` for what cannot stand in JSON
   */
  push(piece: string): number | 'open' | 'broken' {
    for (let i = 0; i < piece.length; i++) {
      const character = piece.charAt(i)
      if (this.#inText) {
        if (character < ' ') return 'broken'
        if (this.#isEscaped) this.#isEscaped = false
        else if (character === '\\') this.#isEscaped = true
        else if (character === '"') this.#inText = false
      } else if (character === '"') this.#inText = true
      else if (character === '{' || character === '[') this.#depth++
      else if (character === '}' || character === ']') {
        if (--this.#depth === 0) return i + 1
      } else if (!/[\s,:a-zA-Z0-9+.-]/.test(character)) return 'broken'
    }
    return 'open'
  }
}
