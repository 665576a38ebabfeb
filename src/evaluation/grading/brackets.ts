/** Brackets in LaTeX: where one closes, and splitting outside of them. */

const openings = '({['
const closings = ')}]'

/**
 * Where the bracket at `from` is closed; undefined if it is not. Any kind closes any other, because intervals such as
 * `[1,2)` are wanted. An escaped brace counts as a brace.
 */
export function closingBracket(text: string, from: number): number | undefined {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    const char = text.charAt(i)
    if (openings.includes(char)) depth++
    else if (closings.includes(char) && --depth === 0) return i
  }
  return undefined
}

/** Whether the first and the last character are brackets that belong together. */
export function isBracketed(text: string): boolean {
  return openings.includes(text.charAt(0)) && text !== '' && closingBracket(text, 0) === text.length - 1
}

export interface Pieces {
  readonly parts: readonly string[]
  /** What stood between the parts: one fewer than parts. */
  readonly separators: readonly string[]
}

/**
 * Splits outside of brackets.
 * @param separator a sticky expression (flag `y`) that never matches nothing
 */
export function splitOutside(text: string, separator: RegExp): Pieces {
  const parts: string[] = []
  const separators: string[] = []
  let depth = 0
  let start = 0
  for (let i = 0; i < text.length;) {
    const char = text.charAt(i)
    separator.lastIndex = i
    const [found] = depth === 0 ? (separator.exec(text) ?? []) : []
    if (found) {
      parts.push(text.slice(start, i).trim())
      separators.push(found)
      i += found.length
      start = i
      continue
    }
    if (openings.includes(char)) depth++
    else if (closings.includes(char)) depth--
    i++
  }
  parts.push(text.slice(start).trim())
  return { parts, separators }
}
