/**
 * Whether two answers agree: sets in any order, points in theirs, values with their units. Leaves the question of whether
 * two formulas are equal to an `Algebra`.
 */
import type { Algebra, Sides } from './algebra.ts'
import type { Answer, List, Order, Tuple } from './answer.ts'
import { readAnswer } from './read-answer.ts'
import { realSetOf, variablesOf } from './real-set.ts'
import { sameRatios } from './same-ratio.ts'
import { sameValues } from './same-values.ts'
import { sameDigits, sameWords } from './same-words.ts'

type Of<K extends Answer['kind']> = Extract<Answer, { kind: K }>

/** Whether a reading of one answer (see `readings`) agrees with one of the other. */
export function sameAnswer(given: readonly string[], expected: readonly string[], algebra: Algebra): boolean {
  // An expected 1,200 may be a list; it is no point and no set.
  const isBracketed = (text: string) => /^(?:[([]|\\\{)/.test(text)
  return given.some((one) =>
    expected.some((other, i) => !(i > 0 && isBracketed(one)) && sameReading(one, other, algebra)),
  )
}

function sameReading(given: string, expected: string, algebra: Algebra): boolean {
  if (given === expected && given !== '') return true
  const choice = letterOf(expected)
  if (choice !== undefined && letterOf(given) === choice) return true
  return new Comparison(algebra).agree(readAnswer(given), readAnswer(expected))
}

/** The letter of a choice that says nothing more: `A`, `(A)`, `(a)`, `A.`, `option A`. */
function letterOf(text: string): string | undefined {
  const bare = text.replace(/^\\text\{\s*(?:the\s+)?(?:option|choice|answer)(?:\s+is)?:?\s*([A-J]?)\s*\}/i, '$1').trim()
  const [, letter, bracketed] = /^([A-J])[.):]?$|^\(([A-Ja-j])\)[.:]?$/.exec(bare) ?? []
  return letter ?? bracketed?.toUpperCase()
}

class Comparison {
  readonly #algebra: Algebra
  /** Conditions must be about the same variable. */
  #namesCount = false

  constructor(algebra: Algebra) {
    this.#algebra = algebra
  }

  agree(given: Answer, expected: Answer): boolean {
    if (given.kind === 'choice' || expected.kind === 'choice') return this.#choices(given, expected)
    if (given.kind === 'named' || expected.kind === 'named') return this.#named(given, expected)
    if (given.kind === 'list' && given.items.length === 1) return this.#agreeFirst(given.items, [expected])
    if (expected.kind === 'list' && expected.items.length === 1) return this.#agreeFirst([given], expected.items)
    if (given.kind === 'list' || expected.kind === 'list') {
      const lists = [given, expected].map((one) => (one.kind === 'list' ? new Set(variablesOf(one.items)).size : 0))
      this.#namesCount ||= lists.some((variables) => variables > 1)
      return this.#lists(given, expected) || this.#realSets(given, expected)
    }
    if (given.kind === 'ratio' || expected.kind === 'ratio') return sameRatios(given, expected, this.#algebra)
    if (given.kind === 'matrix' || expected.kind === 'matrix') return this.#matrices(given, expected)
    if (given.kind === 'words' || expected.kind === 'words') return sameWords(given, expected)
    if (given.kind === 'based' || expected.kind === 'based') return sameDigits(given, expected)
    if (given.kind === 'value' && expected.kind === 'value') return sameValues(given, expected, this.#algebra)
    if (given.kind === 'equation' || expected.kind === 'equation') return this.#equations(given, expected)
    if (given.kind === 'order' || expected.kind === 'order') return this.#orders(given, expected)
    if (given.kind === 'family' && expected.kind === 'family') {
      return given.condition === expected.condition && this.#algebra.same(given.latex, expected.latex)
    }
    return given.kind === 'tuple' && expected.kind === 'tuple' && this.#tuples(given, expected)
  }

  #agreeFirst([given]: readonly Answer[], [expected]: readonly Answer[]): boolean {
    return given !== undefined && expected !== undefined && this.agree(given, expected)
  }

  /** Both say the same letter; or one says only the letter, or only what the other's letter says. */
  #choices(given: Answer, expected: Answer): boolean {
    if (given.kind === 'choice' && expected.kind === 'choice') {
      return given.letter === expected.letter && this.agree(given.is, expected.is)
    }
    const [choice, other] = given.kind === 'choice' ? [given, expected] : [expected, given]
    if (choice.kind !== 'choice') return false
    if (other.kind === 'value' && letterOf(other.latex) !== undefined) return letterOf(other.latex) === choice.letter
    return choice === given ? this.agree(choice.is, expected) : this.agree(given, choice.is)
  }

  /** A name says nothing where the other answer has none; two names must be equal, or the equations. */
  #named(given: Answer, expected: Answer): boolean {
    if (given.kind === 'named' && expected.kind === 'named') {
      if (given.name === expected.name || isSameFunction(given, expected)) {
        return this.agree(given.is, expected.is)
      }
      return this.#algebra.proportional([given.name, given.latex], [expected.name, expected.latex], false)
    }
    const [named, other] = given.kind === 'named' ? [given, expected] : [expected, given]
    if (named.kind !== 'named') return false
    if (other.kind === 'equation') {
      const [left = '', right = ''] = other.sides
      const isOne = other.sides.length === 2
      return isOne && this.#algebra.proportional([named.name, named.latex], [left, right], false)
    }
    if (named.is.kind === 'list' && other.kind === 'list' && this.#lists(given, expected)) return true
    // The question of an expected x+y=5 may be for the line; an answer 5 is not that.
    if (named === expected && !named.plain) return false
    // 2+3 = 5, but not 2+4 = 5
    if (!/[A-Za-z]/.test(named.name) && !this.agree(readAnswer(named.name), named.is)) return false
    return named === given ? this.agree(named.is, expected) : this.agree(given, named.is)
  }

  /** Of a value, every side of an equation must be it: 1/2 = 0.5. */
  #equations(given: Answer, expected: Answer): boolean {
    if (given.kind === 'equation' && expected.kind === 'equation') {
      const [a, b] = [given.sides, expected.sides]
      if (a.length > 2 || b.length > 2) return a.length === b.length && this.#sameParts(a, b)
      return this.#algebra.proportional([a[0] ?? '', a[1] ?? ''], [b[0] ?? '', b[1] ?? ''], false)
    }
    const [equation, other] = given.kind === 'equation' ? [given, expected] : [expected, given]
    if (equation.kind !== 'equation' || other.kind !== 'value' || other.unit) return false
    return equation.sides.every((side) => this.#algebra.same(side, other.latex))
  }

  #sameParts(a: readonly string[], b: readonly string[]): boolean {
    return a.every((part, i) => this.#algebra.same(part, b[i] ?? ''))
  }

  /** The same parts, a multiple of the same difference, or the same interval. */
  #orders(given: Answer, expected: Answer): boolean {
    if (given.kind === 'order' && expected.kind === 'order') {
      if (given.parts.length !== expected.parts.length) return false
      const sameSigns = given.strict.every((strict, i) => strict === expected.strict[i])
      if (sameSigns && this.#sameParts(given.parts, expected.parts)) return true
      const sides = ({ parts }: Order): Sides => [parts[1] ?? '', parts[0] ?? '']
      const isOne = sameSigns && given.parts.length === 2
      if (isOne && this.#algebra.proportional(sides(given), sides(expected), true)) return true
    }
    if (
      this.#namesCount &&
      given.kind === 'order' &&
      expected.kind === 'order' &&
      given.variable !== expected.variable
    ) {
      return false
    }
    const [a, b] = [given, expected].map((one) => (one.kind === 'order' ? one.interval : one))
    return a?.kind === 'tuple' && b?.kind === 'tuple' && this.#tuples(a, b)
  }

  #tuples(given: Tuple, expected: Tuple): boolean {
    return given.open === expected.open && given.close === expected.close && this.#inOrder(given.items, expected.items)
  }

  /** What is superfluous in a given list may be repeated; not where the expected one repeats something. */
  #lists(given: Answer, expected: Answer): boolean {
    if (given.kind === 'list' && expected.kind === 'list') {
      // Conditions that hold together are not those of which one holds.
      if (given.joined && expected.joined && given.joined !== expected.joined && given.items.some(isCondition))
        return false
      const isCommon = (list: List) => list.braces && list.joined === 'all'
      if (isCommon(given) !== isCommon(expected)) return false
      if (areParts(given.items, expected.items)) return this.#inOrder(given.items, expected.items)
      if (given.braces || expected.braces) return this.#sets(given.items, expected.items)
      if (given.items.length === expected.items.length) return this.#eachOnce(given.items, expected.items)
      const isRepeated = expected.items.some((one, i) =>
        expected.items.slice(i + 1).some((other) => this.agree(one, other)),
      )
      return given.items.length > expected.items.length && !isRepeated && this.#sets(given.items, expected.items)
    }
    const [list, tuple] = given.kind === 'list' ? [given, expected] : [expected, given]
    if (list.kind !== 'list' || list.braces || tuple.kind !== 'tuple') return false
    if (tuple.open !== '(' || tuple.close !== ')') return false
    const items = byName(list.items)
    return list === given ? this.#inOrder(items, tuple.items) : this.#inOrder(tuple.items, items)
  }

  /** The same numbers, however they are put together. */
  #realSets(given: Answer, expected: Answer): boolean {
    const [a, b] = [given, expected].map((answer) => realSetOf(answer, this.#algebra.number))
    if (!a || !b || a.length !== b.length || a.length === 0) return false
    return a.every((piece, i) => {
      const other = b[i]
      if (!other) return false
      const ends = [[piece.from, other.from] as const, [piece.to, other.to] as const]
      return ends.every(([x, y]) => x.isIncluded === y.isIncluded && this.#algebra.same(x.latex, y.latex))
    })
  }

  #sets(given: readonly Answer[], expected: readonly Answer[]): boolean {
    return (
      given.every((one) => expected.some((other) => this.#sameItem(one, other))) &&
      expected.every((other) => given.some((one) => this.#sameItem(one, other)))
    )
  }

  /** In a list, the set of a number is not the number. */
  #sameItem(given: Answer, expected: Answer): boolean {
    const isSet = (one: Answer) => one.kind === 'list' && one.braces
    return isSet(given) === isSet(expected) && this.agree(given, expected)
  }

  #eachOnce(given: readonly Answer[], expected: readonly Answer[]): boolean {
    const left = [...expected]
    return given.every((one) => {
      const at = left.findIndex((other) => this.#sameItem(one, other))
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
}

/** `y` and `f(x)` name the same thing. */
function isSameFunction(a: Of<'named'>, b: Of<'named'>): boolean {
  const isFunction = ({ name }: Of<'named'>) => /^[a-zA-Z]\(\w\)$/.test(name)
  return (a.name === 'y' && isFunction(b)) || (b.name === 'y' && isFunction(a))
}

function isCondition({ kind }: Answer): boolean {
  return kind === 'order' || kind === 'tuple' || kind === 'list'
}

/** Whether one side names different things (not `x_1` and `x_2`, which are two solutions), in an order that the other must then keep: `a=1, b=2` for `1, 2`. */
function areParts(given: readonly Answer[], expected: readonly Answer[]): boolean {
  const letters = (items: readonly Answer[]) =>
    items.flatMap((item) => (item.kind === 'named' ? [item.name.replace(/^([xz]|\\lambda)_.*$/, '$1')] : []))
  const [a, b] = [letters(given), letters(expected)]
  const [named, other] = a.length > 0 ? [a, b] : [b, a]
  const areAllNamed = named.length === (named === a ? given : expected).length
  return areAllNamed && other.length === 0 && new Set(named).size > 1
}

/** `y=2, x=1` names the point (1,2). */
function byName(items: readonly Answer[]): readonly Answer[] {
  const names = items.flatMap((item) => (item.kind === 'named' ? [item.name] : []))
  if (names.length < items.length || new Set(names).size < names.length) return items
  const nameOf = (item: Answer) => (item.kind === 'named' ? item.name : '')
  return items.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}
