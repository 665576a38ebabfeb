/**
 * Splits LaTeX into the tokens of a formula.
 */
export interface FormulaToken {
  readonly kind: 'number' | 'letter' | 'command' | 'mark'
  readonly text: string
  /** Where it begins and ends. */
  readonly from: number
  readonly to: number
}

const token = /(\d+(?:\.\d+)?|\.\d+)|([A-Za-z])|(\\[A-Za-z]+|\\[{}|])|([-+*/^_!'|(){}[\],=])/y

/** Undefined where a character means nothing in a formula. Numbers that touch, as in `3.4.5`, are not tokens either. */
export function tokensOf(latex: string): readonly FormulaToken[] | undefined {
  const tokens: FormulaToken[] = []
  for (let at = 0; at < latex.length;) {
    if (/\s/.test(latex.charAt(at))) {
      at++
      continue
    }
    token.lastIndex = at
    const [text, digits, letter, command] = token.exec(latex) ?? []
    if (text === undefined) return undefined
    const to = at + text.length
    if (digits !== undefined && latex.charAt(to) === '.') return undefined
    const kind = digits !== undefined ? 'number' : letter !== undefined ? 'letter' : command ? 'command' : 'mark'
    tokens.push({ kind, text, from: at, to })
    at = to
  }
  return tokens
}
