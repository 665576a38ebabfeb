/**
 * Fingerprints of formulas: their values modulo primes, where whatever is no arithmetic (a variable, pi, a root) is a random
 * number. Formulas with equal fingerprints are equal, however large or small their values are; an equal fingerprint of
 * unequal ones has a probability of about 1e-30.
 */
import { exactValue, wholeOf } from './exact-value.ts'
import type { Formula } from './formula.ts'
import { addModulo, inverseModulo, multiplyModulo, powerModulo, totient } from './modular.ts'

/** The primes below 2^26: products of two remainders are safe integers. */
const primes = [67108859, 67108837, 67108819, 67108777] as const
/** The factorial of a larger number has no fingerprint: it takes too long. */
const largestFactorial = 200_000

type Remainders = readonly number[]
type Series = Extract<Formula, { kind: 'series' }>

interface Fingerprint {
  readonly remainders: Remainders
  /** Nothing but arithmetic with numbers: then other fingerprints mean other values. */
  readonly isArithmetic: boolean
}

/** Undefined for a formula without a value, such as 1/0. */
function fingerprintOf(formula: Formula, seed: number): Fingerprint | undefined {
  if (formula.kind === 'number') return arithmetic(remaindersOf(formula))
  if (formula.kind === 'symbol') return opaque(formula.name, [], seed)
  if (formula.kind === 'series') return seriesOf(formula, seed)
  const args = formula.args.map((arg) => fingerprintOf(arg, seed)).filter((arg) => arg !== undefined)
  if (args.length < formula.args.length) return undefined
  if (formula.kind === 'apply') return opaque(`${formula.name}()`, args, seed)
  const [a, b] = args
  const [first, second] = formula.args
  if (!a || !first) return undefined
  switch (formula.head) {
    case 'Add':
      return args.reduce((so, arg) => combined(so, arg, addModulo))
    case 'Multiply':
      return args.reduce((so, arg) => combined(so, arg, multiplyModulo))
    case 'Negate':
      return { ...a, remainders: a.remainders.map((value, i) => (modulus(i) - value) % modulus(i)) }
    case 'Divide':
      return b && quotient(a, b)
    case 'Power':
      return b && second && (powerOf(a, second) ?? opaque('Power', [a, b], seed))
    case 'Factorial':
      return factorialOf(first) ?? opaque('Factorial', [a], seed)
    case 'Binomial':
      return arithmetic(remaindersOf(formula)) ?? opaque('Binomial', args, seed)
    default:
      return opaque(formula.head, args, seed)
  }
}

/** Whether two formulas are equal for certain; undefined: that cannot be told so. */
export function sameFingerprint(a: Formula, b: Formula): boolean | undefined {
  const [left, right] = [fingerprintOf(a, 0), fingerprintOf(b, 0)]
  if (!left || !right) return undefined
  if (left.remainders.every((value, i) => value === right.remainders[i])) return true
  if (left.isArithmetic && right.isArithmetic) return false
  // What other random numbers do not change is a number: pi and pi + 10^{-20} differ by one.
  const [otherLeft, otherRight] = [fingerprintOf(a, 1), fingerprintOf(b, 1)]
  if (!otherLeft || !otherRight) return undefined
  const isNumber = (how: (a: Fingerprint, b: Fingerprint) => Fingerprint | undefined) => {
    const [first, second] = [how(left, right), how(otherLeft, otherRight)]
    return first !== undefined && first.remainders.every((value, i) => value === second?.remainders[i])
  }
  return isNumber(difference) || isNumber(quotient) ? false : undefined
}

function difference(a: Fingerprint, b: Fingerprint): Fingerprint {
  return combined(a, b, (value, other, p) => addModulo(value, p - other, p))
}

function modulus(index: number): number {
  return primes[index] ?? primes[0]
}

function arithmetic(remainders: Remainders | undefined): Fingerprint | undefined {
  return remainders && { remainders, isArithmetic: true }
}

function remaindersOf(formula: Formula): Remainders | undefined {
  const value = exactValue(formula)
  if (!value) return undefined
  const remainders = primes.map((p) => {
    const [n, d] = [value.n, value.d].map((part) => Number(((part % BigInt(p)) + BigInt(p)) % BigInt(p)))
    return d ? multiplyModulo(n ?? 0, inverseModulo(d, p), p) : undefined
  })
  const known = remainders.filter((value) => value !== undefined)
  return known.length === primes.length ? known : undefined
}

/** A random number that depends on what it stands for. */
function opaque(name: string, args: readonly Fingerprint[], seed: number): Fingerprint {
  const key = `${name}:${args.map(({ remainders }) => remainders.join(',')).join(';')}`
  return { remainders: primes.map((p, i) => 2 + (hash(key, i + primes.length * seed) % (p - 4))), isArithmetic: false }
}

function hash(text: string, seed: number): number {
  let so = 2166136261 ^ Math.imul(seed + 1, 0x9e3779b1)
  for (const char of text) so = Math.imul(so ^ char.charCodeAt(0), 16777619)
  so = Math.imul(so ^ (so >>> 15), 2246822519)
  so = Math.imul(so ^ (so >>> 13), 3266489917)
  return (so ^ (so >>> 16)) >>> 0
}

function combined(a: Fingerprint, b: Fingerprint, how: (a: number, b: number, p: number) => number): Fingerprint {
  return {
    remainders: a.remainders.map((value, i) => how(value, b.remainders[i] ?? 0, modulus(i))),
    isArithmetic: a.isArithmetic && b.isArithmetic,
  }
}

function quotient(a: Fingerprint, b: Fingerprint): Fingerprint | undefined {
  if (b.remainders.includes(0)) return undefined
  return combined(a, b, (above, below, p) => multiplyModulo(above, inverseModulo(below, p), p))
}

/** A power with a whole exponent; undefined for others. */
function powerOf(base: Fingerprint, exponent: Formula): Fingerprint | undefined {
  if (base.remainders.includes(0)) return undefined
  const powers = base.remainders.map((value, i) => {
    const order = wholeModulo(exponent, modulus(i) - 1)
    return order === undefined ? undefined : powerModulo(value, order, modulus(i))
  })
  const known = powers.filter((value) => value !== undefined)
  return known.length === primes.length ? { ...base, remainders: known } : undefined
}

function factorialOf(formula: Formula): Fingerprint | undefined {
  const n = wholeValue(formula)
  if (n === undefined || n < 0n || n > largestFactorial) return undefined
  return arithmetic(primes.map((p) => factorialModulo(Number(n), p)))
}

function factorialModulo(n: number, m: number): number {
  let product = 1 % m
  for (let i = 2; i <= n && product !== 0; i++) product = multiplyModulo(product, i % m, m)
  return product
}

function wholeValue(formula: Formula): bigint | undefined {
  const value = exactValue(formula)
  return value && wholeOf(value)
}

/** The remainder of a whole number that may have too many digits to be written; undefined where it may not be whole. */
function wholeModulo(formula: Formula, m: number): number | undefined {
  const whole = wholeValue(formula)
  if (whole !== undefined) return Number(((whole % BigInt(m)) + BigInt(m)) % BigInt(m))
  if (formula.kind !== 'call') return undefined
  const { head, args } = formula
  if (head === 'Power') return towerModulo(args, m)
  if (head === 'Factorial') {
    const n = args[0] && wholeValue(args[0])
    return n === undefined || n < 0n || n > largestFactorial ? undefined : factorialModulo(Number(n), m)
  }
  const parts = args.map((arg) => wholeModulo(arg, m)).filter((part) => part !== undefined)
  if (parts.length < args.length) return undefined
  if (head === 'Add') return parts.reduce((a, b) => addModulo(a, b, m))
  if (head === 'Multiply') return parts.reduce((a, b) => multiplyModulo(a, b, m))
  return head === 'Negate' ? (m - (parts[0] ?? 0)) % m : undefined
}

/** By Euler's theorem, which holds for every base where the exponent is large. */
function towerModulo([base, exponent]: readonly Formula[], m: number): number | undefined {
  const value = base && wholeModulo(base, m)
  if (value === undefined || !exponent) return undefined
  const whole = wholeValue(exponent)
  if (whole !== undefined && whole < 0n) return undefined
  if (whole !== undefined && whole < 64n) return powerModulo(value, Number(whole), m)
  if (whole === undefined && !isPositive(exponent)) return undefined
  const period = totient(m)
  const rest = wholeModulo(exponent, period)
  // Made large again: by more than the 26 that a prime can be contained in m.
  return rest === undefined ? undefined : powerModulo(value, rest + period * Math.ceil(32 / period), m)
}

/** For certain. */
function isPositive(formula: Formula): boolean {
  const whole = wholeValue(formula)
  if (whole !== undefined) return whole > 0n
  return (
    formula.kind === 'call' &&
    ['Power', 'Multiply', 'Factorial'].includes(formula.head) &&
    formula.args.every(isPositive)
  )
}

/** The bounds and the term, with the index as a name like any other. */
function seriesOf({ head, index, from, to, term }: Series, seed: number): Fingerprint | undefined {
  const parts = [from, to, term].map((part) => fingerprintOf(part, seed)).filter((part) => part !== undefined)
  return parts.length === 3 ? opaque(`${head} over ${index}`, parts, seed) : undefined
}
