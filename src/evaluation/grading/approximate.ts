/**
 * Complex numbers in double precision that know how far they may be off, with the principal values of their functions.
 */
export interface Approximate {
  readonly re: number
  readonly im: number
  /** How far the true value can be away, about. */
  readonly error: number
}

/** No value, or none that double precision can tell. */
export const nothing: Approximate = { re: NaN, im: NaN, error: NaN }
export const imaginaryUnit: Approximate = { re: 0, im: 1, error: 0 }
const unit = 2 ** -52
/** Smaller and larger results have lost digits to the limits of double precision. */
const smallest = 1e-290
const largest = 1e290

/** A decimal literal: exact where it is a whole number. */
export function literal(value: number): Approximate {
  return { re: value, im: 0, error: Number.isSafeInteger(value) ? 0 : Math.abs(value) * unit }
}

export function isNothing({ re, im, error }: Approximate): boolean {
  return Number.isNaN(re + im + error)
}

export function isZero({ re, im, error }: Approximate): boolean {
  return re === 0 && im === 0 && error === 0
}

/** @param error without the rounding of this step */
export function rounded(re: number, im: number, error: number): Approximate {
  const size = Math.abs(re) + Math.abs(im)
  if (!(size < largest) || (size < smallest && size + error > 0 && size !== 0)) return nothing
  const off = error + unit * size
  // What can be a real number is one: roots and logarithms of negative numbers ask.
  return { re, im: Math.abs(im) <= off ? 0 : im, error: size === 0 && error === 0 ? 0 : off }
}

export function size({ re, im }: Approximate): number {
  return im === 0 ? Math.abs(re) : Math.hypot(re, im)
}

export function negate({ re, im, error }: Approximate): Approximate {
  return { re: -re, im: -im, error }
}

export function add(a: Approximate, b: Approximate): Approximate {
  const [re, im] = [a.re + b.re, a.im + b.im]
  // Whole numbers are added without loss.
  if (a.error + b.error === 0 && Number.isSafeInteger(re) && im === 0) return { re, im, error: 0 }
  return rounded(re, im, a.error + b.error)
}

export function multiply(a: Approximate, b: Approximate): Approximate {
  if (isZero(a) || isZero(b)) return literal(0)
  const error = size(a) * b.error + size(b) * a.error + a.error * b.error
  if (a.im === 0 && b.im === 0) {
    const re = a.re * b.re
    if (re === 0 && error < smallest) return nothing
    return error === 0 && Number.isSafeInteger(re) ? { re, im: 0, error } : rounded(re, 0, error)
  }
  return rounded(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re, error + unit * size(a) * size(b))
}

/** Nothing where `b` can be 0. */
export function divide(a: Approximate, b: Approximate): Approximate {
  const below = size(b)
  if (!(below > 4 * b.error)) return nothing
  if (isZero(a)) return a
  const error = (a.error + (size(a) / below) * b.error) / (below - b.error)
  if (a.im === 0 && b.im === 0) {
    const re = a.re / b.re
    return re === 0 && error < smallest ? nothing : rounded(re, 0, error)
  }
  const square = b.re ** 2 + b.im ** 2
  const re = (a.re * b.re + a.im * b.im) / square
  const im = (a.im * b.re - a.re * b.im) / square
  return rounded(re, im, error + (unit * size(a)) / below)
}

export function exp({ re, im, error }: Approximate): Approximate {
  const scale = Math.exp(re)
  if (scale < smallest) return nothing
  const off = scale * Math.expm1(error) + unit * scale
  return im === 0 ? rounded(scale, 0, off) : rounded(scale * Math.cos(im), scale * Math.sin(im), off)
}

/** Nothing where the number can be 0. */
export function ln(z: Approximate): Approximate {
  const distance = size(z)
  if (!(distance > 4 * z.error)) return nothing
  const off = z.error / (distance - z.error) + unit
  return z.error === 0 && z.re === 1 && z.im === 0
    ? literal(0)
    : rounded(Math.log(distance), Math.atan2(z.im, z.re), off)
}

export function sqrt(z: Approximate): Approximate {
  if (isZero(z)) return z
  const distance = size(z)
  const off = distance > z.error ? z.error / Math.sqrt(distance) : Math.sqrt(distance + z.error)
  if (z.im !== 0) return power(z, literal(0.5))
  const root = Math.sqrt(Math.abs(z.re))
  if (z.error === 0 && root ** 2 === Math.abs(z.re) && Number.isInteger(root)) {
    return z.re >= 0 ? literal(root) : { re: 0, im: root, error: 0 }
  }
  return z.re >= 0 ? rounded(root, 0, off) : rounded(0, root, off)
}

export function power(base: Approximate, exponent: Approximate): Approximate {
  const { re: n } = exponent
  const isWhole = exponent.im === 0 && exponent.error === 0 && Number.isInteger(n)
  if (isZero(base)) return exponent.im === 0 && n > exponent.error ? base : nothing
  if (isWhole && n === 0) return literal(1)
  if (isWhole && base.im !== 0 && Math.abs(n) <= 64) return wholePower(base, n)
  if (base.im === 0 && exponent.im === 0 && (isWhole || base.re > base.error)) {
    const value = base.re ** n
    if (Math.abs(value) < smallest) return nothing
    const relative =
      (Math.abs(n) * base.error) / Math.abs(base.re) + Math.abs(Math.log(Math.abs(base.re))) * exponent.error
    const isExact = relative === 0 && isWhole && Number.isSafeInteger(value)
    return isExact ? literal(value) : rounded(value, 0, Math.abs(value) * (relative + unit))
  }
  return exp(multiply(exponent, ln(base)))
}

function wholePower(base: Approximate, exponent: number): Approximate {
  let product = literal(1)
  for (let i = 0; i < Math.abs(exponent); i++) product = multiply(product, base)
  return exponent < 0 ? divide(literal(1), product) : product
}

/** The real root of a real number where there is one, else the principal one. */
export function root(z: Approximate, degree: Approximate): Approximate {
  const isOdd = degree.im === 0 && degree.error === 0 && Math.abs(degree.re % 2) === 1
  const exponent = divide(literal(1), degree)
  return isOdd && z.im === 0 && z.re < 0 ? negate(power(negate(z), exponent)) : power(z, exponent)
}

export function sin({ re, im, error }: Approximate): Approximate {
  if (re === 0 && im === 0 && error === 0) return literal(0)
  if (im === 0) return rounded(Math.sin(re), 0, error)
  const off = Math.cosh(im) * (error + unit)
  return rounded(Math.sin(re) * Math.cosh(im), Math.cos(re) * Math.sinh(im), off)
}

export function cos({ re, im, error }: Approximate): Approximate {
  if (im === 0) return rounded(Math.cos(re), 0, error)
  const off = Math.cosh(im) * (error + unit)
  return rounded(Math.cos(re) * Math.cosh(im), -Math.sin(re) * Math.sinh(im), off)
}
