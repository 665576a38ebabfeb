/**
 * Goes through the tokens of a formula.
 */
import type { FormulaToken } from './tokens.ts'

/** What is read is no formula. */
export class NoFormula extends Error {}

export class TokenCursor {
  readonly #tokens: readonly FormulaToken[]
  readonly #latex: string
  #at = 0

  constructor(tokens: readonly FormulaToken[], latex: string) {
    this.#tokens = tokens
    this.#latex = latex
  }

  get position(): number {
    return this.#at
  }

  /** @param ahead -1: the token before */
  next(ahead = 0): FormulaToken | undefined {
    return this.#tokens[this.#at + ahead]
  }

  take(text: string): boolean {
    const found = this.next()?.text === text
    if (found) this.#at++
    return found
  }

  expect(text: string): void {
    if (!this.take(text)) throw new NoFormula()
  }

  /** Goes over tokens that are exactly these. */
  takeAll(texts: readonly string[]): boolean {
    const found = texts.every((text, i) => this.next(i)?.text === text)
    if (found) this.#at += texts.length
    return found
  }

  skip(count = 1): void {
    this.#at += count
  }

  /** Whether the signs here, if there are any, are a minus together. */
  signs(): boolean {
    let isNegative = false
    for (;;) {
      if (this.take('-')) isNegative = !isNegative
      else if (!this.take('+')) return isNegative
    }
  }

  /** The text up to the brace that closes the one just taken, which is taken too. */
  rest(): string {
    const from = this.next(-1)?.to
    let depth = 1
    while (depth > 0) {
      const { text } = this.next() ?? {}
      if (text === undefined) throw new NoFormula()
      if (text === '{') depth++
      if (text === '}') depth--
      this.#at++
    }
    return this.#latex.slice(from, this.next(-1)?.from)
  }
}
