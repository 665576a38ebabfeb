/**
 * Random formulas: what is written otherwise but equal is accepted, what differs in one place is refused, unless its value
 * happens to be the same.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readings } from './normalize-answer.ts'
import { sameAnswer } from './same-answer.ts'
import { FormulaAlgebra } from './same-formula.ts'

/** Of whole numbers and variables. */
type Tree =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: '+' | '-' | '*' | '/'; readonly left: Tree; readonly right: Tree }
  | { readonly kind: '^'; readonly base: Tree; readonly exponent: number }

const leaf: fc.Arbitrary<Tree> = fc.oneof(
  fc.integer({ min: 1, max: 99 }).map((value) => ({ kind: 'number' as const, value })),
  fc.constantFrom('x', 'y', 'n').map((name) => ({ kind: 'variable' as const, name })),
)
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'tree' },
    leaf,
    fc.record({ kind: fc.constantFrom('+', '-', '*', '/'), left: tie('tree'), right: tie('tree') }),
    fc.record({ kind: fc.constant('^'), base: tie('tree'), exponent: fc.integer({ min: 2, max: 3 }) }),
  ),
}))

/** One of the usual ways to write it, or the other. */
function latex(of: Tree, other = false): string {
  switch (of.kind) {
    case 'number':
      return other ? `${of.value}.0` : String(of.value)
    case 'variable':
      return of.name
    case '^':
      return other ? `(${latex(of.base, other)})**${of.exponent}` : `\\left(${latex(of.base)}\\right)^{${of.exponent}}`
    default: {
      const [left, right] = [latex(of.left, other), latex(of.right, other)]
      if (of.kind === '+') return other ? `(${right})+(${left})` : `${left}+(${right})`
      if (of.kind === '-') return other ? `-(${right})+(${left})` : `${left}-(${right})`
      if (of.kind === '*') return other ? `(${right})*(${left})` : `\\left(${left}\\right)\\cdot\\left(${right}\\right)`
      return other ? `(${left})/(${right})` : `\\frac{${left}}{${right}}`
    }
  }
}

/** Modulo a prime, in which every fraction has a value; undefined where it is divided by 0. */
const prime = 2n ** 61n - 1n
function valueOf(of: Tree, variables: Readonly<Record<string, bigint>>): bigint | undefined {
  if (of.kind === 'number') return BigInt(of.value)
  if (of.kind === 'variable') return variables[of.name]
  if (of.kind === '^') {
    const base = valueOf(of.base, variables)
    return base === undefined ? undefined : base ** BigInt(of.exponent) % prime
  }
  const [a, b] = [valueOf(of.left, variables), valueOf(of.right, variables)]
  if (a === undefined || b === undefined) return undefined
  const positive = (value: bigint) => ((value % prime) + prime) % prime
  if (of.kind === '+') return positive(a + b)
  if (of.kind === '-') return positive(a - b)
  if (of.kind === '*') return positive(a * b)
  return positive(b) === 0n ? undefined : positive(a * inverse(positive(b)))
}

function inverse(value: bigint): bigint {
  let [result, square] = [1n, value]
  for (let rest = prime - 2n; rest > 0n; rest /= 2n) {
    if (rest % 2n === 1n) result = (result * square) % prime
    square = (square * square) % prime
  }
  return result
}

const points = [
  { x: 123457n, y: 7654321n, n: 99991n },
  { x: 10n ** 15n + 37n, y: 3n ** 30n, n: 5n ** 25n },
]

/** Changes a digit, an operator, an exponent or a variable: the `at`-th place, counted through. */
function mutated(of: Tree, at: { left: number }): Tree {
  if (at.left-- === 0) {
    if (of.kind === 'number') return { ...of, value: of.value % 10 === 9 ? of.value - 1 : of.value + 1 }
    if (of.kind === 'variable') return { ...of, name: of.name === 'x' ? 'y' : 'x' }
    if (of.kind === '^') return { ...of, exponent: 5 - of.exponent }
    return { ...of, kind: ({ '+': '-', '-': '+', '*': '+', '/': '*' } as const)[of.kind] }
  }
  if (of.kind === '^') return { ...of, base: mutated(of.base, at) }
  return 'left' in of ? { ...of, left: mutated(of.left, at), right: mutated(of.right, at) } : of
}

const algebra = new FormulaAlgebra()
const agree = (given: string, expected: string) => sameAnswer(readings(given), readings(expected), algebra)

test('what is only written otherwise is accepted', () => {
  fc.assert(
    fc.property(tree, (formula) => {
      fc.pre(points.every((point) => valueOf(formula, point) !== undefined))
      expect(agree(latex(formula, true), latex(formula))).toBe(true)
    }),
    { numRuns: 300 },
  )
})

test('what differs in one place is refused, unless it is equal', () => {
  fc.assert(
    fc.property(tree, fc.nat(12), (formula, at) => {
      const other = mutated(formula, { left: at })
      const values = points.map((point) => [valueOf(formula, point), valueOf(other, point)] as const)
      fc.pre(values.every(([a, b]) => a !== undefined && b !== undefined))
      const isEqual = values.every(([a, b]) => a === b)
      expect(agree(latex(other), latex(formula))).toBe(isEqual)
    }),
    { numRuns: 500 },
  )
})

test('so is what differs in a function or a constant', () => {
  const functions = ['\\sin', '\\cos', '\\tan', '\\ln', '\\exp', '\\sqrt', '\\arctan']
  const constants = ['\\pi', 'e', '\\sqrt{2}', '\\sqrt{3}', '\\ln 2']
  const change = fc.constantFrom(...functions)
  fc.assert(
    fc.property(
      change,
      change,
      fc.constantFrom(...constants),
      fc.constantFrom(...constants),
      fc.integer({ min: 2, max: 99 }),
      (f, g, c, d, k) => {
        const of = (name: string, constant: string) => `${k}${constant}+${name}${name === '\\sqrt' ? '{x}' : '(x)'}`
        const otherwise = `${f}${f === '\\sqrt' ? '{x}' : '(x)'}+${constants.includes(c) ? `${c}\\cdot ${k}` : ''}`
        expect(agree(otherwise, of(f, c))).toBe(true)
        expect(agree(of(g, d), of(f, c))).toBe(f === g && c === d)
      },
    ),
  )
})
