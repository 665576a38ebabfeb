/**
 * Whether two answers agree: sets in any order, points in theirs, values with their units. Leaves the question of whether
 * two formulas are equal to an `Algebra`.
 */
import type { Answer } from './answer.ts'
import { plainWords, readAnswer } from './read-answer.ts'

/** The two sides of an equation, as LaTeX. */
export type Sides = readonly [left: string, right: string]

export interface Algebra {
  /** Whether two formulas have the same value, whatever their variables are. */
  readonly same: (a: string, b: string) => boolean
  /** Whether the differences of two pairs of sides are multiples of each other: positive ones, where that is asked. */
  readonly proportional: (a: Sides, b: Sides, positive: boolean) => boolean
}

type Of<K extends Answer['kind']> = Extract<Answer, { kind: K }>

/** Whether a reading of one answer (see `readings`) agrees with one of the other. */
export function sameAnswer(given: readonly string[], expected: readonly string[], algebra: Algebra): boolean {
  return given.some((one) => expected.some((other) => sameReading(one, other, algebra)))
}

function sameReading(given: string, expected: string, algebra: Algebra): boolean {
  const [, choice] = /^\(?([A-J])\)?$/.exec(expected) ?? []
  if (choice !== undefined && chosen(given) === choice) return true
  return new Comparison(algebra).agree(readAnswer(given), readAnswer(expected))
}

/** The letter of a choice, with or without what it says: `(A)`, `A.`, `A) five`, `(A) five`, `(a)`. */
function chosen(given: string): string | undefined {
  const [, bare, closed, bracketed] =
    /^([A-J])$|^([A-J])[.):]|^\(([A-Ja-j])\)(?:[.:]|\s(?!\\text\{(?:and|or)\b)|$)/.exec(given) ?? []
  return bare ?? closed ?? bracketed?.toUpperCase()
}

class Comparison {
  readonly #algebra: Algebra

  constructor(algebra: Algebra) {
    this.#algebra = algebra
  }

  agree(given: Answer, expected: Answer): boolean {
    if (given.kind === 'named' || expected.kind === 'named') return this.#named(given, expected)
    if (given.kind === 'list' && given.items.length === 1) return this.#agreeFirst(given.items, [expected])
    if (expected.kind === 'list' && expected.items.length === 1) return this.#agreeFirst([given], expected.items)
    if (given.kind === 'list' || expected.kind === 'list') return this.#lists(given, expected)
    if (given.kind === 'ratio' || expected.kind === 'ratio') return this.#ratios(given, expected)
    if (given.kind === 'matrix' || expected.kind === 'matrix') return this.#matrices(given, expected)
    if (given.kind === 'words' || expected.kind === 'words') return wordsIn(given) === wordsIn(expected)
    if (given.kind === 'based' || expected.kind === 'based') return sameDigits(given, expected)
    if (given.kind === 'value' && expected.kind === 'value') return this.#values(given, expected)
    if (given.kind === 'equation' && expected.kind === 'equation') {
      return this.#algebra.proportional([given.left, given.right], [expected.left, expected.right], false)
    }
    if (given.kind === 'inequality' && expected.kind === 'inequality') {
      const sides = (one: Of<'inequality'>): Sides => [one.larger, one.smaller]
      return given.strict === expected.strict && this.#algebra.proportional(sides(given), sides(expected), true)
    }
    if (given.kind !== 'tuple' || expected.kind !== 'tuple') return false
    return given.open === expected.open && given.close === expected.close && this.#inOrder(given.items, expected.items)
  }

  #agreeFirst([given]: readonly Answer[], [expected]: readonly Answer[]): boolean {
    return given !== undefined && expected !== undefined && this.agree(given, expected)
  }

  /** A name says nothing where the other answer has none; two names must be equal, or the equations. */
  #named(given: Answer, expected: Answer): boolean {
    if (given.kind === 'named' && expected.kind === 'named') {
      if (given.name === expected.name || (isFunction(given) && isFunction(expected))) {
        return this.agree(given.is, expected.is)
      }
      return this.#algebra.proportional([given.name, given.latex], [expected.name, expected.latex], false)
    }
    const [named, other] = given.kind === 'named' ? [given, expected] : [expected, given]
    if (named.kind !== 'named') return false
    if (other.kind === 'equation') {
      return this.#algebra.proportional([named.name, named.latex], [other.left, other.right], false)
    }
    // The question of an expected x+y=5 may be for the line; an answer 5 is not that.
    if (named === expected && !named.plain) return false
    return named === given ? this.agree(named.is, expected) : this.agree(given, named.is)
  }

  #lists(given: Answer, expected: Answer): boolean {
    if (given.kind === 'list' && expected.kind === 'list') {
      if (given.braces || expected.braces) return this.#sets(given.items, expected.items)
      return given.items.length === expected.items.length && this.#eachOnce(given.items, expected.items)
    }
    const [list, tuple] = given.kind === 'list' ? [given, expected] : [expected, given]
    if (list.kind !== 'list' || list.braces || tuple.kind !== 'tuple') return false
    if (tuple.open !== '(' || tuple.close !== ')') return false
    const items = byName(list.items)
    return list === given ? this.#inOrder(items, tuple.items) : this.#inOrder(tuple.items, items)
  }

  #sets(given: readonly Answer[], expected: readonly Answer[]): boolean {
    return (
      given.every((one) => expected.some((other) => this.agree(one, other))) &&
      expected.every((other) => given.some((one) => this.agree(one, other)))
    )
  }

  #eachOnce(given: readonly Answer[], expected: readonly Answer[]): boolean {
    const left = [...expected]
    return given.every((one) => {
      const at = left.findIndex((other) => this.agree(one, other))
      if (at >= 0) left.splice(at, 1)
      return at >= 0
    })
  }

  #inOrder(given: readonly Answer[], expected: readonly Answer[]): boolean {
    return given.length === expected.length && given.every((one, i) => this.#agreeFirst([one], expected.slice(i)))
  }

  /** A matrix with one row or one column is also a point. */
  #matrices(given: Answer, expected: Answer): boolean {
    if (given.kind === 'matrix' && expected.kind === 'matrix') {
      return (
        given.rows.length === expected.rows.length &&
        given.rows.every((row, i) => this.#inOrder(row, expected.rows[i] ?? []))
      )
    }
    const vector = (one: Answer): readonly Answer[] | undefined => {
      if (one.kind === 'tuple') return one.open === '(' && one.close === ')' ? one.items : undefined
      if (one.kind !== 'matrix') return undefined
      return one.rows.length === 1 || one.rows[0]?.length === 1 ? one.rows.flat() : undefined
    }
    const [a, b] = [vector(given), vector(expected)]
    return a !== undefined && b !== undefined && this.#inOrder(a, b)
  }

  #ratios(given: Answer, expected: Answer): boolean {
    if (given.kind === 'ratio' && expected.kind === 'ratio') {
      return this.#sameRatio(given.parts, expected.parts)
    }
    const [ratio, other] = given.kind === 'ratio' ? [given, expected] : [expected, given]
    if (ratio.kind !== 'ratio' || ratio.parts.length !== 2 || other.kind !== 'value') return false
    return this.#algebra.same(`\\frac{${ratio.parts.join('}{')}}`, other.latex)
  }

  /** Multiples of each other; with words behind them, times of the day, of which one may do without its words. */
  #sameRatio(given: readonly string[], expected: readonly string[]): boolean {
    const [numbers, others] = [numbersOf(given), numbersOf(expected)]
    if (given.length - numbers.length !== expected.length - others.length) return numbers.join(':') === others.join(':')
    if (given.length !== expected.length) return false
    if (given.every((part, i) => joinedWords(part) === joinedWords(expected[i] ?? ''))) return true
    if ([...given, ...expected].some((part) => /\\(?:text|ldots)|^0+$/.test(part))) return false
    const [first = '', other = ''] = [given[0], expected[0]]
    return given.every((part, i) => this.#algebra.same(product(part, other), product(expected[i] ?? '', first)))
  }

  /** With units on both sides, what is measured; with one, the number. Percent and degrees are also numbers. */
  #values(given: Of<'value'>, expected: Of<'value'>): boolean {
    const { same } = this.#algebra
    const [a, b] = [given.unit, expected.unit]
    if (a?.known && b?.known) {
      if (a.dimension !== b.dimension) return false
      if (a.factor === b.factor) return same(given.latex, expected.latex)
      return same(product(given.latex, a.factor), product(expected.latex, b.factor))
    }
    if (same(given.latex, expected.latex)) return true
    const factor = (unit: Of<'value'>['unit']) =>
      unit?.dimension === 'percent^1' || unit?.dimension === 'angle^1' ? unit.factor : undefined
    const [ofGiven, ofExpected] = [factor(a), factor(b)]
    if (ofGiven !== undefined && !b) return same(product(given.latex, ofGiven), expected.latex)
    return ofExpected !== undefined && !a && same(given.latex, product(expected.latex, ofExpected))
  }
}

function numbersOf(parts: readonly string[]): readonly string[] {
  return parts.filter((part) => !part.startsWith('\\text'))
}

function product(a: string, b: string): string {
  return `(${a})\\cdot(${b})`
}

/** `y` and `f(x)` name the same thing. */
function isFunction({ name }: Of<'named'>): boolean {
  return name === 'y' || /^[a-zA-Z]\(\w\)$/.test(name)
}

/** `y=2, x=1` names the point (1,2). */
function byName(items: readonly Answer[]): readonly Answer[] {
  const names = items.flatMap((item) => (item.kind === 'named' ? [item.name] : []))
  if (names.length < items.length || new Set(names).size < names.length) return items
  const nameOf = (item: Answer) => (item.kind === 'named' ? item.name : '')
  return items.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

/** Of a formula its letters, so that words may be written with or without `\text`. */
function wordsIn(answer: Answer): string | undefined {
  if (answer.kind === 'words') return joinedWords(answer.text)
  return answer.kind === 'value' ? joinedWords(answer.latex) : undefined
}

function joinedWords(text: string): string {
  return plainWords(text).replace(/[\s-]/g, '')
}

/** A missing base is the expected one. */
function sameDigits(given: Answer, expected: Answer): boolean {
  const read = (one: Answer) => {
    if (one.kind === 'based') return one
    return one.kind === 'value' ? { digits: one.latex.toUpperCase(), base: undefined } : undefined
  }
  const [a, b] = [read(given), read(expected)]
  return a?.digits === b?.digits && (a?.base === undefined || b?.base === undefined || a.base === b.base)
}
