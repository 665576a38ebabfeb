import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FormulaAlgebra } from './same-formula.ts'

const { same, proportional } = new FormulaAlgebra()

describe('same', () => {
  test.each([
    ['a polynomial multiplied out', '(x+2)(x-3)', 'x^2-x-6'],
    ['numbers too large for double precision', '2^{200}+1', '1+2^{100}2^{100}'],
    ['a variable beside a bracket', 'a(b+c)', 'ab+ac'],
    ['a complex number times a number', '2(1+i)', '2+2i'],
    ['a root that is real', '\\sqrt[3]{-8}', '-2'],
    ['a domain that one side lacks', '2\\ln x', '\\ln x^2'],
    ['whole numbers only', '\\cos(n\\pi)', '(-1)^n'],
    ['subscripts are names', 'a_1+a_{12}', 'a_{12}+a_1'],
    ['any letter is a name', 'G+\\gamma', '\\gamma+G'],
    ['powers too large to write', '2^{2^{2025}}', '(2^{2^{2024}})^{2}'],
    ['and too small', '\\frac{\\pi}{2^{2024}}', '2^{-2024}\\pi'],
    ['factorials too large to write', '10001!', '10001 \\cdot 10000!'],
    ['values of functions without a definition', 'f(2)+f(x+1)', 'f(1+x)+f(2)'],
    ['a function of a bracket', '\\exp{a}', 'e^a'],
    ['indices', 'a_{n+1}-a_n', '-a_n+a_{1+n}'],
    ['functions without values at any point, by what they are made of', '\\arcsin(x+9)+1', '1+\\arcsin(9+x)'],
  ])('%s', (_, a, b) => expect(same(a, b)).toBe(true))

  test.each([
    ['numbers that differ far behind', '2^{200}', '2^{200}+1'],
    ['numbers next to 0', '2^{-99}', '2^{-98}'],
    ['a rounded number', '3.1415926536', '\\pi'],
    ['a missing imaginary part', '2(1+i)', '2i'],
    ['a sign that only negative numbers show', '\\sqrt{x^2}', 'x'],
    ['other variables', 'x', 'y'],
    ['broken formulas', '\\frac{1}{', '1'],
    ['numbers that overflow double precision', '2^{2^{2024}}', '2^{2^{2024}}-1'],
    ['towers', '10^{10^{10}}', '10^{10^{11}}'],
    ['irrational numbers that overflow', '2^{2024}\\pi', '2^{2025}\\pi'],
    ['and those that underflow', 'e^{-1000}', 'e^{-1001}'],
    ['a small number is not 0', '\\sqrt{2}\\cdot10^{-13}', '0'],
    ['twelve digits of pi', '3.14159265359', '\\pi'],
    ['fifteen digits of a root', '\\sqrt{2}', '1.41421356237310'],
    ['a function at another number', 'f(1)', 'f(2)'],
    ['another function', 'f(0)', 'g(0)'],
    ['a value of a function is no product', 'I(0)e^{-t}', '0'],
    ['a derivative is no quotient', '\\frac{dy}{dx}', '\\frac{y}{x}'],
    ['a sum of terms with an index', '\\sum_{k=1}^{n}a_k', 'na_k'],
    ['a function of what it could end before', '\\sin\\pi/6', '0'],
    ['division by 0', '\\frac{x}{0}', 'x'],
    ['unknown commands', '\\foo{3}', '3'],
    ['numbers side by side', '5 5', '55'],
  ])('not: %s', (_, a, b) => expect(same(a, b)).toBe(false))

  test('polynomials are what their factors say, and nothing else', () => {
    const digit = fc.integer({ min: -9, max: 9 })
    fc.assert(
      fc.property(digit, digit, digit, (a, b, c) => {
        const factors = `(x-(${a}))(x-(${b}))`
        const sum = `x^2+(${-a - b})x+(${a * b})`
        expect(same(factors, sum)).toBe(true)
        expect(same(factors, `${sum}+${c}`)).toBe(c === 0)
      }),
      { numRuns: 50 },
    )
  })
})

test('proportional: multiples only, and positive ones where asked', () => {
  expect(proportional(['y', '2x+1'], ['2x-y', '-1'], false)).toBe(true)
  expect(proportional(['y', '2x+1'], ['2x-y', '-1'], true)).toBe(false)
  expect(proportional(['y', '2x+1'], ['2x-y', '1'], false)).toBe(false)
  expect(proportional(['x', '3'], ['2x', '6'], true)).toBe(true)
  expect(proportional(['x', 'x'], ['y', 'y'], false)).toBe(false)
})

test.each(['\\infty-\\infty', '0\\cdot\\infty', '\\frac{\\infty}{\\infty}', '\\infty^0', '2\\infty', '\\infty+1'])(
  'infinity is no number: %s is equal to nothing',
  (formula) => {
    for (const other of ['0', '1', '\\infty']) expect(new FormulaAlgebra().same(formula, other)).toBe(false)
  },
)
