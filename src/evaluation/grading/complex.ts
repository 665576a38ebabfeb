/**
 * Complex numbers in double precision, with the principal values of their functions. Knows nothing of formulas.
 */

export interface Complex {
  readonly re: number
  readonly im: number
}

export const nothing: Complex = { re: NaN, im: NaN }
export const imaginaryUnit: Complex = { re: 0, im: 1 }
const one: Complex = { re: 1, im: 0 }

export function real(value: number): Complex {
  return { re: value, im: 0 }
}

export function add(a: Complex, b: Complex): Complex {
  return { re: a.re + b.re, im: a.im + b.im }
}

export function subtract(a: Complex, b: Complex): Complex {
  return { re: a.re - b.re, im: a.im - b.im }
}

export function multiply(a: Complex, b: Complex): Complex {
  if (a.im === 0 && b.im === 0) return real(a.re * b.re)
  return { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re }
}

/** Not a number where `b` is 0. */
export function divide(a: Complex, b: Complex): Complex {
  if (b.re === 0 && b.im === 0) return nothing
  if (a.im === 0 && b.im === 0) return real(a.re / b.re)
  const size = b.re ** 2 + b.im ** 2
  return { re: (a.re * b.re + a.im * b.im) / size, im: (a.im * b.re - a.re * b.im) / size }
}

export function absolute({ re, im }: Complex): number {
  return Math.hypot(re, im)
}

export function exp({ re, im }: Complex): Complex {
  const size = Math.exp(re)
  return im === 0 ? real(size) : { re: size * Math.cos(im), im: size * Math.sin(im) }
}

/** Not a number at 0. */
export function ln(z: Complex): Complex {
  if (z.re === 0 && z.im === 0) return nothing
  return { re: Math.log(absolute(z)), im: Math.atan2(z.im, z.re) }
}

export function sqrt(z: Complex): Complex {
  if (z.im === 0) return z.re >= 0 ? real(Math.sqrt(z.re)) : { re: 0, im: Math.sqrt(-z.re) }
  return power(z, real(0.5))
}

export function power(base: Complex, exponent: Complex): Complex {
  if (exponent.im === 0 && Number.isInteger(exponent.re) && Math.abs(exponent.re) <= 64)
    return wholePower(base, exponent.re)
  if (base.im === 0 && exponent.im === 0 && (base.re >= 0 || Number.isInteger(exponent.re))) {
    return real(base.re ** exponent.re)
  }
  return exp(multiply(exponent, ln(base)))
}

function wholePower(base: Complex, exponent: number): Complex {
  if (base.im === 0) return base.re === 0 && exponent < 0 ? nothing : real(base.re ** exponent)
  let product = one
  for (let i = 0; i < Math.abs(exponent); i++) product = multiply(product, base)
  return exponent < 0 ? divide(one, product) : product
}

/** The real root of a real number where there is one, else the principal one. */
export function root(z: Complex, degree: Complex): Complex {
  const odd = degree.im === 0 && Math.abs(degree.re % 2) === 1
  if (odd && z.im === 0 && z.re < 0) return real(-((-z.re) ** (1 / degree.re)))
  return power(z, divide(one, degree))
}

export function sin({ re, im }: Complex): Complex {
  if (im === 0) return real(Math.sin(re))
  return { re: Math.sin(re) * Math.cosh(im), im: Math.cos(re) * Math.sinh(im) }
}

export function cos({ re, im }: Complex): Complex {
  if (im === 0) return real(Math.cos(re))
  return { re: Math.cos(re) * Math.cosh(im), im: -Math.sin(re) * Math.sinh(im) }
}

/** The Gamma function of a real number (Lanczos's approximation); not a number at its poles. */
export function gamma(x: number): number {
  if (Number.isInteger(x)) {
    if (x <= 0) return NaN
    let product = 1
    for (let i = 2; i < x && product < Infinity; i++) product *= i
    return product
  }
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x))
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
