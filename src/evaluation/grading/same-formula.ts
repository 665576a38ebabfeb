/**
 * Whether two formulas are equal: exactly where they are fractions, else by their values at points, else by
 * compute-engine's simplification. Knows nothing of sets, units or words.
 */
import { absolute, divide, real, subtract, type Complex } from './complex.ts'
import { createEngine } from './compute-engine.ts'
import { exactValue } from './exact-value.ts'
import { parseFormula, type Formula } from './formula.ts'
import { mentions, numericValue, variablesOf, type Setting } from './numeric-value.ts'
import { parseRational, sameRational, withoutSpaces } from './rational.ts'
import type { Algebra, Sides } from './same-answer.ts'

/** Relative; double precision has 16 digits, of which sums whose terms cancel lose some. */
const tolerance = { ofNumbers: 1e-12, ofFunctions: 1e-10 }
/** What is left of terms that cancel, where the other value is exactly 0. */
const rest = 1e-12
/** Points: all variables positive; of both signs; whole numbers. */
const pointsOfAKind = 6
const fewestPoints = 3

/** Of two formulas at their points: undefined if too few points have values. */
type AtPoints = boolean | undefined

export class FormulaAlgebra implements Algebra {
  readonly #engine = createEngine()
  readonly #parsed = new Map<string, Formula | undefined>()

  readonly same = (a: string, b: string): boolean => {
    if (withoutSpaces(a) === withoutSpaces(b)) return true
    const plain = [parseRational(a), parseRational(b)] as const
    if (plain[0] && plain[1]) return sameRational(plain[0], plain[1])
    const [left, right] = [this.#parse(a), this.#parse(b)]
    if (!left || !right) return false
    const exact = [exactValue(left), exactValue(right)] as const
    if (exact[0] && exact[1]) return sameRational(exact[0], exact[1])
    return sameAtPoints(left, right) ?? this.#simplifiesToZero(left, right)
  }

  readonly proportional = (a: Sides, b: Sides, positive: boolean): boolean => {
    const [left, right] = [this.#difference(a), this.#difference(b)]
    return left !== undefined && right !== undefined && proportionalAtPoints(left, right, positive)
  }

  #difference(sides: Sides): Formula | undefined {
    const [left, right] = sides.map((side) => this.#parse(side))
    return left && right && { kind: 'call', head: 'Subtract', args: [left, right] }
  }

  #parse(latex: string): Formula | undefined {
    if (!this.#parsed.has(latex)) this.#parsed.set(latex, parseFormula(latex, this.#engine))
    return this.#parsed.get(latex)
  }

  /** In an engine of its own, because it remembers what it takes variables for. */
  #simplifiesToZero(a: Formula, b: Formula): boolean {
    try {
      return (
        createEngine()
          .box(['Subtract', mathJson(a), mathJson(b)])
          .simplify().json === 0
      )
    } catch {
      return false
    }
  }
}

type MathJson = { num: string } | string | [string, ...MathJson[]]

function mathJson(formula: Formula): MathJson {
  if (formula.kind === 'number') return { num: formula.text }
  if (formula.kind === 'call') return [formula.head, ...formula.args.map(mathJson)]
  return { i: 'ImaginaryUnit', e: 'ExponentialE' }[formula.name] ?? formula.name
}

function sameAtPoints(a: Formula, b: Formula): AtPoints {
  const values = valuesAtPoints(a, b)
  const isNumber = variablesOf(a).size + variablesOf(b).size === 0
  const within = isNumber ? tolerance.ofNumbers : tolerance.ofFunctions
  return values && values.every(([left, right]) => close(left, right, within))
}

function proportionalAtPoints(a: Formula, b: Formula, positive: boolean): boolean {
  const values = valuesAtPoints(a, b)?.filter(([left, right]) => absolute(left) > rest && absolute(right) > rest) ?? []
  const ratios = values.map(([left, right]) => divide(left, right))
  const [first] = ratios
  if (!first || ratios.length < fewestPoints || (positive && first.re <= 0)) return false
  return ratios.every((ratio) => close(ratio, first, tolerance.ofFunctions))
}

/**
 * The values of both at every point at which both have one; undefined if these are too few. Where neither speaks of i,
 * values are real: then sqrt(a) sqrt(b) is sqrt(ab), since both have values for positive a and b only.
 */
function valuesAtPoints(a: Formula, b: Formula): [Complex, Complex][] | undefined {
  const variables = new Set([...variablesOf(a), ...variablesOf(b)])
  const isComplex = mentions(a, 'i') || mentions(b, 'i')
  const at = (setting: Setting): [Complex, Complex][] => {
    const left = numericValue(a, setting)
    const right = numericValue(b, setting)
    const known = [left.re, left.im, right.re, right.im].every((part) => !Number.isNaN(part))
    return known ? [[left, right]] : []
  }
  if (variables.size === 0) {
    const values = at({ valueOf: real0, realOnly: !isComplex })
    const known = values.length > 0 ? values : at({ valueOf: real0, realOnly: false })
    return known.length > 0 ? known : undefined
  }
  const points = Array.from({ length: 3 * pointsOfAKind }, (_, point) => point)
  const values = points
    .flatMap((point) => at({ valueOf: (name) => real(sample(name, point)), realOnly: !isComplex }))
    .filter((pair) => pair.every(({ re, im }) => Number.isFinite(re) && Number.isFinite(im)))
  return values.length < fewestPoints ? undefined : values
}

const real0 = () => real(0)

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

function close(a: Complex, b: Complex, within: number): boolean {
  const [sizeOfA, sizeOfB] = [absolute(a), absolute(b)]
  if (sizeOfA === Infinity || sizeOfB === Infinity) return a.re === b.re && a.im === b.im
  if (sizeOfA === 0 || sizeOfB === 0) return sizeOfA + sizeOfB < rest
  return absolute(subtract(a, b)) <= within * Math.max(sizeOfA, sizeOfB)
}
