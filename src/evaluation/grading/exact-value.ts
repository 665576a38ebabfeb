/**
 * The exact value of a formula of whole numbers, fractions, powers and factorials, with up to some thousand digits.
 */
import type { Formula } from './formula.ts'
import { add, divide, multiply, parseDecimal, power, rational, type Rational } from './rational.ts'

const largestFactorial = 3000n

/** Undefined where the value is not a fraction of whole numbers, or has too many digits. */
export function exactValue(formula: Formula): Rational | undefined {
  if (formula.kind === 'number') return parseDecimal(formula.text)
  if (formula.kind !== 'call') return undefined
  const values: Rational[] = []
  for (const arg of formula.args) {
    const value = exactValue(arg)
    if (!value) return undefined
    values.push(value)
  }
  const [a, b] = values
  if (!a) return undefined
  switch (formula.head) {
    case 'Add':
      return values.reduce(add)
    case 'Multiply':
      return values.reduce(multiply)
    case 'Negate':
      return { n: -a.n, d: a.d }
    case 'Divide':
      return b && divide(a, b)
    case 'Power':
      return b && powerOf(a, b)
    case 'Factorial':
      return factorial(wholeOf(a))
    case 'Binomial':
      return b && choices(wholeOf(a), wholeOf(b))
    case 'Abs':
      return { n: a.n < 0n ? -a.n : a.n, d: a.d }
    default:
      return undefined
  }
}

/** Undefined for a fraction. */
export function wholeOf({ n, d }: Rational): bigint | undefined {
  return n % d === 0n ? n / d : undefined
}

function powerOf(base: Rational, exponent: Rational): Rational | undefined {
  const whole = wholeOf(exponent)
  return whole === undefined || (whole === 0n && base.n === 0n) ? undefined : power(base, whole)
}

function factorial(n: bigint | undefined): Rational | undefined {
  if (n === undefined || n < 0n || n > largestFactorial) return undefined
  let product = 1n
  for (let i = 2n; i <= n; i++) product *= i
  return { n: product, d: 1n }
}

function choices(n: bigint | undefined, k: bigint | undefined): Rational | undefined {
  if (n === undefined || k === undefined || k < 0n || n < k || n > largestFactorial) return undefined
  let product = 1n
  for (let i = 1n; i <= k; i++) product = (product * (n - k + i)) / i
  return rational(product)
}
