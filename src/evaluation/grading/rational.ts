/** Exact fractions of whole numbers of any size, and reading them from plain numbers. */

/** The denominator is positive; the fraction need not be in lowest terms. */
export interface Rational {
  readonly n: bigint
  readonly d: bigint
}

/** Numbers with more digits than this are not calculated exactly. */
const mostDigits = 20_000

export function rational(n: bigint, d = 1n): Rational | undefined {
  if (d === 0n) return undefined
  return d < 0n ? { n: -n, d: -d } : { n, d }
}

export function sameRational(a: Rational, b: Rational): boolean {
  return a.n * b.d === b.n * a.d
}

export function add(a: Rational, b: Rational): Rational {
  return { n: a.n * b.d + b.n * a.d, d: a.d * b.d }
}

export function multiply(a: Rational, b: Rational): Rational {
  return { n: a.n * b.n, d: a.d * b.d }
}

/** Keeps the spaces between digits: `5 5` is not 55. */
export function withoutSpaces(text: string): string {
  return text.replace(/(?<!\d)\s+|\s+(?!\d)/g, '')
}

/** About how many digits numerator and denominator have together, in lowest terms. */
export function digitsOf({ n, d }: Rational): number {
  let [a, b] = [n < 0n ? -n : n, d]
  while (b > 0n) [a, b] = [b, a % b]
  return a === 0n ? 0 : lengthOf(n / a) + lengthOf(d / a)
}

/** Undefined for 1/0, and where the result would have too many digits. */
export function power(base: Rational, exponent: bigint): Rational | undefined {
  const digits = Math.max(lengthOf(base.n), lengthOf(base.d))
  const size = exponent < 0n ? -exponent : exponent
  if (size * BigInt(digits) > BigInt(mostDigits)) return undefined
  const raised = { n: base.n ** size, d: base.d ** size }
  return exponent < 0n ? rational(raised.d, raised.n) : raised
}

/** `12`, `-0.5`, `.5`, `3e-4`; undefined for anything else. */
export function parseDecimal(text: string): Rational | undefined {
  const [, sign, whole = '', part = '', exponent = '0'] =
    /^\s*([-+]?)\s*(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?\s*$/.exec(text) ?? []
  if (whole + part === '') return undefined
  const digits = BigInt(whole + part)
  const shift = BigInt(exponent) - BigInt(part.length)
  const scale = power({ n: 10n, d: 1n }, shift)
  return scale && multiply({ n: sign === '-' ? -digits : digits, d: 1n }, scale)
}

/**
 * The value of a plain number as `normalizeAnswer` writes it: a decimal, a fraction of decimals (`\frac{1}{2}`, `1/2`), a
 * mixed number (`(1+\frac{1}{2})`), a multiple of a power of ten (`3\times10^{4}`). Undefined for anything else.
 */
export function parseRational(text: string): Rational | undefined {
  const plain = withoutSpaces(text)
  const [, minus, inside] = /^(-?)\(([^()]*)\)$/.exec(plain) ?? []
  if (inside !== undefined) return negated(parseRational(inside), minus)
  const [, whole, part] = /^(\d+)\+(\\frac\{\d+\}\{\d+\}|\d+\/\d+)$/.exec(plain) ?? []
  if (whole !== undefined && part !== undefined) return combined(parseDecimal(whole), parseRational(part), add)
  const [, sign, above, below] =
    /^(-?)\\frac\{([^{}]*)\}\{([^{}]*)\}$/.exec(plain) ?? /^(-?)([\d.]+)\/(-?[\d.]+)$/.exec(plain) ?? []
  if (above !== undefined && below !== undefined) {
    return negated(combined(parseDecimal(above), parseDecimal(below), divide), sign)
  }
  const [, factor, braced, bare] = /^(?:(-?[\d.]+)\\(?:times|cdot))?10\^(?:\{(-?\d{1,4})\}|(\d))$/.exec(plain) ?? []
  const exponent = braced ?? bare
  if (exponent !== undefined) {
    return combined(parseDecimal(factor ?? '1'), power({ n: 10n, d: 1n }, BigInt(exponent)), multiply)
  }
  return parseDecimal(plain)
}

export function divide(a: Rational, b: Rational): Rational | undefined {
  return rational(a.n * b.d, a.d * b.n)
}

function combined(
  a: Rational | undefined,
  b: Rational | undefined,
  how: (a: Rational, b: Rational) => Rational | undefined,
): Rational | undefined {
  return a && b && how(a, b)
}

function negated(value: Rational | undefined, sign: string | undefined): Rational | undefined {
  return value && sign === '-' ? { n: -value.n, d: value.d } : value
}

function lengthOf(value: bigint): number {
  return Math.ceil(value.toString(16).length * 1.3)
}
