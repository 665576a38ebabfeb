/**
 * Functions of real numbers that know how far they may be off.
 */
import { literal, nothing, rounded, type Approximate } from './approximate.ts'

/** A function with a bound of its slope; without a value at complex numbers. */
function smooth(value: (x: number) => number, slope: (x: number, error: number) => number) {
  return ({ re, im, error }: Approximate): Approximate =>
    im === 0 ? rounded(value(re), 0, slope(re, error) * error) : nothing
}

/** The slope of arcsin and arccos, which is steep near 1. */
const steep = (x: number, error: number) => 1 / Math.sqrt(Math.max(1 - x * x, error, 2 ** -52))
/** An argument that is 1 but for rounding is 1. */
const within = ({ re, im, error }: Approximate): Approximate =>
  Math.abs(re) > 1 && Math.abs(re) - 1 <= error ? { re: Math.sign(re), im, error } : { re, im, error }

const ofSine = smooth(Math.asin, steep)
const ofCosine = smooth(Math.acos, steep)
export const arcsin = (z: Approximate) => ofSine(within(z))
export const arccos = (z: Approximate) => ofCosine(within(z))
export const arctan = smooth(Math.atan, () => 1)
export const arccot = smooth(
  (x) => Math.PI / 2 - Math.atan(x),
  () => 1,
)
export const sinh = smooth(Math.sinh, Math.cosh)
export const cosh = smooth(Math.cosh, Math.cosh)
export const tanh = smooth(Math.tanh, () => 1)

/** A whole number that rounding has moved a little is one. */
export function wholeNear({ re, im, error }: Approximate): number | undefined {
  const whole = Math.round(re)
  return im === 0 && Math.abs(re - whole) <= error && error < 1e-6 && Number.isSafeInteger(whole) ? whole : undefined
}

function step(round: (x: number) => number) {
  return (z: Approximate): Approximate => {
    const value = wholeNear(z) ?? round(z.re)
    return z.im === 0 && Number.isSafeInteger(value) && z.error < 0.1 ? literal(value) : nothing
  }
}

export const floor = step(Math.floor)
export const ceil = step(Math.ceil)

export function modulo(a: Approximate, b: Approximate): Approximate {
  const [x, y] = [wholeNear(a), wholeNear(b)]
  return x === undefined || y === undefined || y === 0 ? nothing : literal(x - y * Math.floor(x / y))
}

/** Of whole numbers; undefined for others. */
export function greatestDivisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : greatestDivisor(b, a % b)
}

/** The Gamma function (Lanczos's approximation); nothing at its poles. */
export function gamma({ re, im, error }: Approximate): Approximate {
  const whole = wholeNear({ re, im, error })
  if (im !== 0 || (whole !== undefined && whole <= 0)) return nothing
  const value = whole === undefined ? gammaOf(re) : factorialOf(whole - 1)
  if (whole !== undefined && error === 0 && Number.isSafeInteger(value)) return literal(value)
  const off = error * (Math.abs(Math.log(Math.abs(re))) + 2 + 1 / Math.abs(re - Math.round(re) || 1))
  return rounded(value, 0, Math.abs(value) * (1e-13 + off))
}

function factorialOf(n: number): number {
  let product = 1
  for (let i = 2; i <= n && product < Infinity; i++) product *= i
  return product
}

function gammaOf(x: number): number {
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gammaOf(1 - x))
  const shifted = x - 1
  const base = shifted + lanczosShift + 0.5
  const sum = lanczos.reduce((so, factor, i) => so + factor / (shifted + i + 1), lanczosStart)
  return Math.sqrt(2 * Math.PI) * base ** (shifted + 0.5) * Math.exp(-base) * sum
}

/** Lanczos's coefficients for g = 7 and nine terms. */
const lanczosShift = 7
const lanczosStart = 0.99999999999980993
const lanczos = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
