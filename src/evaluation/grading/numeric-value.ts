/**
 * The value of a formula in double precision, where its variables have values. Knows nothing of LaTeX and of other
 * formulas.
 */
import * as complex from './complex.ts'
import { nothing, real, type Complex } from './complex.ts'
import type { Formula } from './formula.ts'

/** Sums and products of more terms have no value here. */
const mostTerms = 10_000

const constants: ReadonlyMap<string, Complex> = new Map([
  ['Pi', real(Math.PI)],
  ['e', real(Math.E)],
  ['i', complex.imaginaryUnit],
  ['PositiveInfinity', real(Infinity)],
  ['NegativeInfinity', real(-Infinity)],
])

type OfOne = (z: Complex) => Complex

/** A function of real numbers, which has no value elsewhere. */
function ofReal(f: (x: number) => number): OfOne {
  return (z) => (z.im === 0 ? real(f(z.re)) : nothing)
}

const reciprocal = (z: Complex) => complex.divide(real(1), z)
const tan: OfOne = (z) => complex.divide(complex.sin(z), complex.cos(z))

const ofOne: ReadonlyMap<string, OfOne> = new Map([
  ['Negate', (z: Complex) => complex.subtract(real(0), z)],
  ['Square', (z: Complex) => complex.multiply(z, z)],
  ['Sqrt', complex.sqrt],
  ['Exp', complex.exp],
  ['Ln', complex.ln],
  ['Lb', (z: Complex) => complex.divide(complex.ln(z), real(Math.LN2))],
  ['Lg', (z: Complex) => complex.divide(complex.ln(z), real(Math.LN10))],
  ['Sin', complex.sin],
  ['Cos', complex.cos],
  ['Tan', tan],
  ['Cot', (z: Complex) => reciprocal(tan(z))],
  ['Sec', (z: Complex) => reciprocal(complex.cos(z))],
  ['Csc', (z: Complex) => reciprocal(complex.sin(z))],
  ['Arcsin', ofReal(Math.asin)],
  ['Arccos', ofReal(Math.acos)],
  ['Arctan', ofReal(Math.atan)],
  ['Arccot', ofReal((x) => Math.PI / 2 - Math.atan(x))],
  ['Arcsec', ofReal((x) => Math.acos(1 / x))],
  ['Arccsc', ofReal((x) => Math.asin(1 / x))],
  ['Sinh', ofReal(Math.sinh)],
  ['Cosh', ofReal(Math.cosh)],
  ['Tanh', ofReal(Math.tanh)],
  ['Abs', (z: Complex) => real(complex.absolute(z))],
  ['Floor', ofReal(Math.floor)],
  ['Ceil', ofReal(Math.ceil)],
  ['Factorial', ofReal((x) => complex.gamma(x + 1))],
  ['Gamma', ofReal(complex.gamma)],
  ['Degrees', (z: Complex) => complex.multiply(z, real(Math.PI / 180))],
])

export interface Setting {
  /** The values of the variables. */
  readonly valueOf: (variable: string) => Complex
  /** No part of the formula may be complex: roots and logarithms of negative numbers have no value. */
  readonly realOnly: boolean
}

/** Not a number where the formula has no value or uses a function that is not known here. */
export function numericValue(formula: Formula, setting: Setting): Complex {
  const value = valueOf(formula, setting)
  return setting.realOnly && value.im !== 0 ? nothing : value
}

/** The names in a formula that have no value of their own. */
export function variablesOf(formula: Formula): ReadonlySet<string> {
  if (formula.kind === 'number') return new Set()
  if (formula.kind === 'symbol') return new Set(constants.has(formula.name) ? [] : [formula.name])
  return new Set(formula.args.flatMap((arg) => [...variablesOf(arg)]))
}

export function mentions(formula: Formula, name: string): boolean {
  if (formula.kind === 'number') return false
  return formula.kind === 'symbol' ? formula.name === name : formula.args.some((arg) => mentions(arg, name))
}

function valueOf(formula: Formula, setting: Setting): Complex {
  if (formula.kind === 'number') return real(Number(formula.text))
  if (formula.kind === 'symbol') return constants.get(formula.name) ?? setting.valueOf(formula.name)
  const { head, args } = formula
  if (head === 'Sum' || head === 'Product') return series(head, args, setting)
  const values = args.map((arg) => numericValue(arg, setting))
  const [a, b] = values
  if (!a) return nothing
  if (b) return ofMany(head, values, a, b)
  return ofOne.get(head)?.(a) ?? (head === 'Log' ? (ofOne.get('Lg')?.(a) ?? nothing) : onlyOne(head, a))
}

/** Sums and the like with one argument. */
function onlyOne(head: string, a: Complex): Complex {
  return ['Add', 'Multiply', 'Max', 'Min', 'Delimiter'].includes(head) ? a : nothing
}

function ofMany(head: string, values: readonly Complex[], a: Complex, b: Complex): Complex {
  switch (head) {
    case 'Add':
      return values.reduce(complex.add)
    case 'Multiply':
      return values.reduce(complex.multiply)
    case 'Subtract':
      return complex.subtract(a, b)
    case 'Divide':
    case 'Rational':
      return complex.divide(a, b)
    case 'Power':
      return complex.power(a, b)
    case 'Root':
      return complex.root(a, b)
    case 'Log':
      return complex.divide(complex.ln(a), complex.ln(b))
    case 'Complex':
      return { re: a.re, im: b.re }
    default:
      return values.every(({ im }) => im === 0)
        ? real(
            ofReals(
              head,
              values.map(({ re }) => re),
            ),
          )
        : nothing
  }
}

function ofReals(head: string, values: readonly number[]): number {
  const [a = NaN, b = NaN] = values
  switch (head) {
    case 'Max':
      return Math.max(...values)
    case 'Min':
      return Math.min(...values)
    case 'Mod':
      return a - b * Math.floor(a / b)
    case 'GCD':
      return values.reduce(greatestDivisor)
    case 'LCM':
      return values.reduce((x, y) => (x * y) / greatestDivisor(x, y))
    case 'Binomial':
      return complex.gamma(a + 1) / (complex.gamma(b + 1) * complex.gamma(a - b + 1))
    default:
      return NaN
  }
}

function greatestDivisor(a: number, b: number): number {
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) return NaN
  return b === 0 ? Math.abs(a) : greatestDivisor(b, a % b)
}

/** Arguments: the term, and a tuple of the index and its bounds. */
function series(head: 'Sum' | 'Product', [term, range]: readonly Formula[], setting: Setting): Complex {
  if (!term || range?.kind !== 'call') return nothing
  const [index, from, to] = range.args
  if (index?.kind !== 'symbol' || !from || !to) return nothing
  const [first, last] = [numericValue(from, setting).re, numericValue(to, setting).re]
  if (!Number.isInteger(first) || !Number.isInteger(last) || last - first >= mostTerms) return nothing
  let total = real(head === 'Sum' ? 0 : 1)
  for (let at = first; at <= last; at++) {
    const valueAt = (name: string) => (name === index.name ? real(at) : setting.valueOf(name))
    const value = numericValue(term, { ...setting, valueOf: valueAt })
    total = head === 'Sum' ? complex.add(total, value) : complex.multiply(total, value)
  }
  return total
}
