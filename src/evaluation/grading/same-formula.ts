/**
 * Whether two formulas are equal: exactly where they are fractions, else by their fingerprints, else by their values at
 * points.
 */
import { add, divide, isNothing, isZero, literal, multiply, negate, size, type Approximate } from './approximate.ts'
import { exactValue } from './exact-value.ts'
import { sameFingerprint } from './fingerprint.ts'
import { call, mentions, variablesOf, type Formula } from './formula.ts'
import { numericValue, type Setting } from './numeric-value.ts'
import { parseFormula } from './parse-formula.ts'
import { digitsOf, parseRational, sameRational, withoutSpaces, type Rational } from './rational.ts'
import type { Algebra, Sides } from './algebra.ts'

/** Values may differ by so many times what they can be off. */
const margin = 4
/** Values that are off by more than this, of their size or of 1, tell nothing. */
const vaguest = 1e-9
/** Points: all variables positive; of both signs; whole numbers. */
const pointsOfAKind = 6
const fewestPoints = 3
/** Of numerator and denominator together. */
const mostDigits = 22

export class FormulaAlgebra implements Algebra {
  readonly #parsed = new Map<string, Formula | undefined>()

  readonly same = (a: string, b: string): boolean => {
    if (withoutSpaces(a) === withoutSpaces(b)) return true
    const plain = [parseRational(a), parseRational(b)] as const
    if (plain[0] && plain[1]) return sameRational(plain[0], plain[1])
    const [left, right] = [this.#parse(a), this.#parse(b)]
    if (!left || !right) return false
    const exact = [exactValue(left), exactValue(right)] as const
    if (exact[0] && exact[1]) return sameRational(exact[0], exact[1])
    return sameFingerprint(left, right) ?? (!exact.some(isLong) && sameAtPoints(left, right))
  }

  readonly proportional = (a: Sides, b: Sides, positive: boolean): boolean => {
    const [left, right] = [this.#difference(a), this.#difference(b)]
    return left !== undefined && right !== undefined && proportionalAtPoints(left, right, positive)
  }

  /** The value of a real number, as a double; undefined for anything else. */
  readonly number = (latex: string): number | undefined => {
    const formula = this.#parse(latex)
    if (!formula) return undefined
    const { re, im, error } = numericValue(formula, { valueOf: () => literal(NaN), realOnly: true })
    return im === 0 && error <= vaguest * Math.max(1, Math.abs(re)) ? re : undefined
  }

  #difference(sides: Sides): Formula | undefined {
    const [left, right] = sides.map((side) => this.#parse(side))
    return left && right && call('Add', left, call('Negate', right))
  }

  #parse(latex: string): Formula | undefined {
    if (!this.#parsed.has(latex)) this.#parsed.set(latex, finite(parseFormula(latex)))
    return this.#parsed.get(latex)
  }
}

/** Undefined for a calculation with infinity: `\infty-\infty` is not 0. Infinity itself and bounds of sums stay. */
function finite(formula: Formula | undefined): Formula | undefined {
  const isInfinity = (part: Formula) => part.kind === 'symbol' && part.name === '\\infty'
  const calculates = (part: Formula): boolean => {
    if (part.kind === 'series') return calculates(part.from) || calculates(part.to) || calculates(part.term)
    return (
      (part.kind === 'call' || part.kind === 'apply') && part.args.some((arg) => isInfinity(arg) || calculates(arg))
    )
  }
  const isNegative = formula?.kind === 'call' && formula.head === 'Negate' && formula.args.every(isInfinity)
  return formula && !isNegative && calculates(formula) ? undefined : formula
}

/** A number with more digits than double precision tells apart is no irrational one. */
function isLong(value: Rational | undefined): boolean {
  return value !== undefined && digitsOf(value) > mostDigits
}

function sameAtPoints(a: Formula, b: Formula): boolean {
  const values = valuesAtPoints(a, b)
  return values.length >= (isConstant(a, b) ? 1 : fewestPoints) && values.every(([left, right]) => close(left, right))
}

function proportionalAtPoints(a: Formula, b: Formula, positive: boolean): boolean {
  const values = valuesAtPoints(a, b).filter((pair) => pair.every((value) => size(value) > margin * value.error))
  const [first] = values
  if (!first || values.length < fewestPoints) return false
  if (positive && divide(first[0], first[1]).re <= 0) return false
  return values.every(([left, right]) => close(multiply(left, first[1]), multiply(right, first[0])))
}

function isConstant(a: Formula, b: Formula): boolean {
  return variablesOf(a).size + variablesOf(b).size === 0
}

/**
 * The values of both at every point at which both have one that tells something. Where neither speaks of i, values are
 * real: then sqrt(a) sqrt(b) is sqrt(ab), since both have values for positive a and b only.
 */
function valuesAtPoints(a: Formula, b: Formula): readonly (readonly [Approximate, Approximate])[] {
  const isComplex = mentions(a, 'i') || mentions(b, 'i')
  const at = (setting: Setting) => {
    const pair = [numericValue(a, setting), numericValue(b, setting)] as const
    return pair.some((value) => isNothing(value) || isVague(value)) ? [] : [pair]
  }
  const valuesAt = (point: number, realOnly: boolean) =>
    at({ valueOf: (name) => literal(sample(name, point)), realOnly })
  if (isConstant(a, b)) {
    const values = valuesAt(0, !isComplex)
    return values.length > 0 ? values : valuesAt(0, false)
  }
  const points = Array.from({ length: 3 * pointsOfAKind }, (_, point) => point)
  return points.flatMap((point) => valuesAt(point, !isComplex))
}

/** A value of a variable that depends on its name and the point's number only. */
function sample(name: string, point: number): number {
  let hash = 2166136261 ^ point
  for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619)
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519)
  const share = ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
  const kind = Math.floor(point / pointsOfAKind)
  if (kind === 2) return 2 + Math.floor(share * 8)
  const size = 0.3 + 2.4 * Math.abs(share - 0.5) * 2
  return kind === 1 && share < 0.5 ? -size : size
}

function isVague(value: Approximate): boolean {
  return value.error > vaguest * Math.max(1, size(value))
}

/** A number that is exactly 0 has no size to compare with: what is left of terms that cancel must be small and explained. */
function close(a: Approximate, b: Approximate): boolean {
  if (isNothing(a) || isNothing(b)) return false
  if (isZero(a) && isZero(b)) return true
  const difference = add(a, negate(b))
  const off = margin * (a.error + b.error)
  return size(difference) <= off && off <= vaguest * Math.max(size(a), size(b), 1e-3)
}
