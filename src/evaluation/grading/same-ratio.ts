/**
 * Whether two ratios agree.
 */
import type { Algebra } from './algebra.ts'
import type { Answer } from './answer.ts'
import { joinedWords } from './same-words.ts'

/** Of two ratios, or of a ratio and its value. */
export function sameRatios(given: Answer, expected: Answer, algebra: Algebra): boolean {
  if (given.kind === 'ratio' && expected.kind === 'ratio') {
    return sameRatio(given.parts, expected.parts, algebra)
  }
  const [ratio, other] = given.kind === 'ratio' ? [given, expected] : [expected, given]
  if (ratio.kind !== 'ratio' || other.kind !== 'value') return false
  if (isFullHour(ratio.parts, other)) return true
  if (ratio.parts.length !== 2 || other.unit) return false
  return algebra.same(`\\frac{${ratio.parts.join('}{')}}`, other.latex)
}

/** `3:00 pm` for `3 pm` */
function isFullHour(
  [hour, minutes, words, more]: readonly string[],
  { latex, unit }: Extract<Answer, { kind: 'value' }>,
) {
  const half = /^\\text\{\s*([ap]m)\s*\}$/i.exec(words ?? '')?.[1]?.toLowerCase()
  if (half === undefined || more !== undefined || minutes?.trim() !== '00') return false
  return unit?.dimension === `time ${half === 'am' ? 'before' : 'after'} noon^1` && latex.trim() === hour?.trim()
}

/** Multiples of each other; with words behind them, times of the day, of which one may do without its words. */
function sameRatio(given: readonly string[], expected: readonly string[], algebra: Algebra): boolean {
  const [numbers, others] = [numbersOf(given), numbersOf(expected)]
  if (given.length - numbers.length !== expected.length - others.length) {
    const [words = ''] = [...given, ...expected].filter((part) => part.startsWith('\\text'))
    return /^\\text\{\s*[ap]\.?\s*m\.?\s*\}$/i.test(words) && numbers.join(':') === others.join(':')
  }
  if (given.length !== expected.length) return false
  if (given.every((part, i) => samePart(part, expected[i] ?? ''))) return true
  if ([...given, ...expected].some((part) => /\\(?:text|ldots)|^0+$/.test(part))) return false
  const [first = '', other = ''] = [given[0], expected[0]]
  return given.every((part, i) => algebra.same(`(${part})\\cdot(${other})`, `(${expected[i] ?? ''})\\cdot(${first})`))
}

/** Words may be written in several ways. */
function samePart(a: string, b: string): boolean {
  const areWords = a.startsWith('\\text') && b.startsWith('\\text')
  return areWords ? joinedWords(a) === joinedWords(b) : a.replace(/\s/g, '') === b.replace(/\s/g, '')
}

function numbersOf(parts: readonly string[]): readonly string[] {
  return parts.filter((part) => !part.startsWith('\\text'))
}
