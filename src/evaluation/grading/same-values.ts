/**
 * Whether two values agree, with their units and the words beside them.
 */
import type { Algebra } from './algebra.ts'
import type { Answer } from './answer.ts'
import { isCounted, powerOf, sameCounted } from './counted-things.ts'
import type { Unit } from './units.ts'

type Value = Extract<Answer, { kind: 'value' }>

/** With units on both sides, what is measured; with one, the number. Percent and degrees are also numbers. */
export function sameValues(given: Value, expected: Value, { same, number }: Algebra): boolean {
  const [a, b] = [given.unit, expected.unit]
  if (!sameDescription(given, expected)) return false
  if (a?.dimension !== undefined && b?.dimension !== undefined) {
    if (a.dimension !== b.dimension) return false
    if (a.factor === b.factor) return same(given.latex, expected.latex)
    return same(product(given.latex, a.factor), product(expected.latex, b.factor))
  }
  // A part of one is not as many percent.
  const isShare = a?.dimension === 'percent^1' && !b && Math.abs(number(expected.latex) ?? 1) < 1
  if (!isShare && same(given.latex, expected.latex)) return true
  const factor = (unit: Unit | undefined) =>
    unit?.dimension === 'percent^1' || unit?.dimension === 'angle^1' ? unit.factor : undefined
  const [ofGiven, ofExpected] = [factor(a), factor(b)]
  if (ofGiven !== undefined && !b) return same(product(given.latex, ofGiven), expected.latex)
  return ofExpected !== undefined && !a && same(given.latex, product(expected.latex, ofExpected))
}

/** Words that only one has must say no more than what is counted. */
function sameDescription(given: Value, expected: Value): boolean {
  const [a, b] = [given.unit?.words ?? '', expected.unit?.words ?? '']
  if (a !== '' && b !== '') return sameCounted(a, b)
  const [words, { latex, unit }] = a === '' ? [b, expected] : [a, given]
  if (words === '') return true
  // 5 units may be 5 cm; 5 apples may not.
  const other = (a === '' ? given : expected).unit
  return unit?.dimension === undefined && isCounted(words, latex) && (!other || isUnspecified(words, other))
}

/** `square units`, which any area may have. */
function isUnspecified(words: string, { dimension = '' }: Unit): boolean {
  const [, power] = /^length\^(\d)$/.exec(dimension) ?? []
  return /\bunits?$/.test(words) && (power === undefined || power === powerOf(words))
}

function product(a: string, b: string): string {
  return `(${a})\\cdot(${b})`
}
