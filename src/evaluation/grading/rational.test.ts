import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDecimal, parseRational, power, sameRational, type Rational } from './rational.ts'

function value(text: string): Rational {
  const parsed = parseRational(text)
  if (!parsed) throw new Error(`${text} is no number`)
  return parsed
}

describe('parseRational', () => {
  test.each([
    ['12', 12, 1],
    ['-0.5', -1, 2],
    ['.25', 1, 4],
    ['3e-4', 3, 10_000],
    ['\\frac{1}{2}', 1, 2],
    ['-\\frac{3}{4}', -3, 4],
    ['1/8', 1, 8],
    ['(1+\\frac{1}{2})', 3, 2],
    ['-(1+\\frac{1}{2})', -3, 2],
    ['3 \\times 10^{4}', 30_000, 1],
    ['1.5\\cdot10^{-3}', 15, 10_000],
    ['10^6', 1_000_000, 1],
    ['(7)', 7, 1],
  ])('%s', (text, n, d) => expect(sameRational(value(text), { n: BigInt(n), d: BigInt(d) })).toBe(true))

  test.each([
    '',
    '-',
    '.',
    'x',
    '1 2',
    '1/0',
    '\\frac{1}{0}',
    '1.2.3',
    '1,000',
    '2\\pi',
    '(1,2)',
    '1e99999',
    '10^{99999}',
  ])('none: %s', (text) => expect(parseRational(text)).toBeUndefined())

  test('numbers of any size are exact', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        expect(sameRational(value(String(a)), value(String(b)))).toBe(a === b)
        expect(sameRational(value(`${a}`), value(`${a}.000`))).toBe(true)
      }),
    )
  })
})

test('powers: exact, or none where they would be too large', () => {
  expect(power({ n: 2n, d: 3n }, -3n)).toEqual({ n: 27n, d: 8n })
  expect(power({ n: 0n, d: 1n }, -1n)).toBeUndefined()
  expect(power({ n: 9n, d: 1n }, 10n ** 12n)).toBeUndefined()
  expect(parseDecimal('2')).toEqual({ n: 2n, d: 1n })
})
