/**
 * Whether answers agree that are no formulas: words, and digits in a base.
 */
import type { Answer } from './answer.ts'
import { plainWords } from './read-answer.ts'

/** Words may be written with or without `\text`. */
export function sameWords(given: Answer, expected: Answer): boolean {
  const [a, b] = [given, expected].map((answer) => {
    if (answer.kind === 'words') return joinedWords(answer.text)
    return answer.kind === 'value' && !answer.unit ? joinedWords(answer.latex) : undefined
  })
  return a !== undefined && a === b
}

export function joinedWords(text: string): string {
  return plainWords(text).replace(/[\s-]/g, '')
}

/** A missing base is the expected one. */
export function sameDigits(given: Answer, expected: Answer): boolean {
  const read = (one: Answer) => {
    if (one.kind === 'based') return one
    return one.kind === 'value' && !one.unit ? { digits: one.latex.toUpperCase(), base: undefined } : undefined
  }
  const [a, b] = [read(given), read(expected)]
  return a?.digits === b?.digits && (a?.base === undefined || b?.base === undefined || a.base === b.base)
}
