/**
 * The value of a formula in double precision, where its variables have values.
 */
import * as approximate from './approximate.ts'
import { literal, nothing, type Approximate } from './approximate.ts'
import type { Formula, OfOne } from './formula.ts'
import * as realFunctions from './real-functions.ts'

/** Sums and products of more terms have no value here. */
const mostTerms = 10_000

const { add, divide, multiply } = approximate
const one = literal(1)
const pi: Approximate = { re: Math.PI, im: 0, error: 2 ** -51 }
const e: Approximate = { re: Math.E, im: 0, error: 2 ** -51 }
const constants: ReadonlyMap<string, Approximate> = new Map([
  ['\\pi', pi],
  ['e', e],
  ['i', approximate.imaginaryUnit],
])

type Function = (z: Approximate) => Approximate

const reciprocal: Function = (z) => divide(one, z)
const tan: Function = (z) => divide(approximate.sin(z), approximate.cos(z))
const ofOne: Readonly<Record<OfOne, Function>> = {
  Negate: approximate.negate,
  Sqrt: approximate.sqrt,
  Exp: approximate.exp,
  Ln: approximate.ln,
  Sin: approximate.sin,
  Cos: approximate.cos,
  Tan: tan,
  Cot: (z) => divide(approximate.cos(z), approximate.sin(z)),
  Sec: (z) => reciprocal(approximate.cos(z)),
  Csc: (z) => reciprocal(approximate.sin(z)),
  Arcsin: realFunctions.arcsin,
  Arccos: realFunctions.arccos,
  Arctan: realFunctions.arctan,
  Arccot: realFunctions.arccot,
  Arcsec: (z) => realFunctions.arccos(reciprocal(z)),
  Arccsc: (z) => realFunctions.arcsin(reciprocal(z)),
  Sinh: realFunctions.sinh,
  Cosh: realFunctions.cosh,
  Tanh: realFunctions.tanh,
  Coth: (z) => reciprocal(realFunctions.tanh(z)),
  Abs: (z) => ({ re: approximate.size(z), im: 0, error: z.error }),
  Floor: realFunctions.floor,
  Ceil: realFunctions.ceil,
  Factorial: (z) => realFunctions.gamma(add(z, one)),
  Gamma: realFunctions.gamma,
  Degrees: (z) => divide(multiply(z, pi), literal(180)),
}

export interface Setting {
  /** The value of a variable, and numbers that tell one function without a definition from another. */
  readonly valueOf: (name: string) => Approximate
  /** No part of the formula may be complex: roots and logarithms of negative numbers have no value. */
  readonly realOnly: boolean
}

/** Nothing where the formula has no value, or one that is too large, too small or too vague. */
export function numericValue(formula: Formula, setting: Setting): Approximate {
  const value = valueOf(formula, setting)
  return approximate.isNothing(value) || (setting.realOnly && value.im !== 0) ? nothing : value
}

function valueOf(formula: Formula, setting: Setting): Approximate {
  if (formula.kind === 'number') return literal(Number(formula.text))
  if (formula.kind === 'symbol') return constants.get(formula.name) ?? setting.valueOf(formula.name)
  if (formula.kind === 'series') return seriesOf(formula, setting)
  const values = formula.args.map((arg) => numericValue(arg, setting))
  const [a = nothing, b = nothing] = values
  if (values.some(approximate.isNothing)) return nothing
  if (formula.kind === 'apply') return applied(formula.name, values, setting)
  switch (formula.head) {
    case 'Add':
      return values.reduce(add)
    case 'Multiply':
      return values.reduce(multiply)
    case 'Divide':
      return divide(a, b)
    case 'Power':
      return isE(formula.args[0]) ? approximate.exp(b) : approximate.power(a, b)
    case 'Root':
      return approximate.root(a, b)
    case 'Log':
      return divide(approximate.ln(a), approximate.ln(b))
    case 'Mod':
      return realFunctions.modulo(a, b)
    case 'Binomial':
      return binomial(a, b)
    case 'Max':
    case 'Min':
      return values.every(({ im }) => im === 0) ? extreme(values, formula.head) : nothing
    case 'Gcd':
    case 'Lcm':
      return divisors(values, formula.head)
    default:
      return values.length === 1 ? ofOne[formula.head](a) : nothing
  }
}

function isE(formula: Formula | undefined): boolean {
  return formula?.kind === 'symbol' && formula.name === 'e'
}

/** A function that nothing is known of is some smooth function of its arguments, another one for every name. */
function applied(name: string, args: readonly Approximate[], setting: Setting): Approximate {
  const factor = (what: string) => setting.valueOf(`${name} of ${args.length}: ${what}`)
  return args.reduce(
    (so, arg, i) => {
      const wave = approximate.sin(add(multiply(factor(`speed ${i}`), arg), factor(`shift ${i}`)))
      return add(so, add(multiply(factor(`height ${i}`), wave), multiply(factor(`slope ${i}`), multiply(arg, so))))
    },
    add(factor('start'), literal(1)),
  )
}

function binomial(n: Approximate, k: Approximate): Approximate {
  const below = multiply(ofOne.Factorial(k), ofOne.Factorial(add(n, approximate.negate(k))))
  return divide(ofOne.Factorial(n), below)
}

function extreme(values: readonly Approximate[], head: 'Max' | 'Min'): Approximate {
  return values.reduce((a, b) => ((head === 'Max' ? a.re >= b.re : a.re <= b.re) ? a : b))
}

function divisors(values: readonly Approximate[], head: 'Gcd' | 'Lcm'): Approximate {
  const whole = values.map(realFunctions.wholeNear).filter((value) => value !== undefined)
  if (whole.length < values.length || whole.includes(0)) return nothing
  const { greatestDivisor } = realFunctions
  return literal(whole.reduce(head === 'Gcd' ? greatestDivisor : (a, b) => Math.abs(a * b) / greatestDivisor(a, b)))
}

function seriesOf(series: Extract<Formula, { kind: 'series' }>, setting: Setting): Approximate {
  const [from, to] = [series.from, series.to].map((bound) => realFunctions.wholeNear(numericValue(bound, setting)))
  if (from === undefined || to === undefined || to - from >= mostTerms) return nothing
  let total = literal(series.head === 'Sum' ? 0 : 1)
  for (let at = from; at <= to; at++) {
    const valueAt = (name: string) => (name === series.index ? literal(at) : setting.valueOf(name))
    const value = numericValue(series.term, { ...setting, valueOf: valueAt })
    total = series.head === 'Sum' ? add(total, value) : multiply(total, value)
  }
  return total
}
