import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMs } from '../../../test/support/cpu-time.ts'
import { normalizeAnswer, readings } from './normalize-answer.ts'

describe('normalizeAnswer', () => {
  test.each([
    [' $\\dfrac12$. ', '\\frac{1}{2}'],
    ['\\frac{1}2', '\\frac{1}{2}'],
    ['\\tfrac1{72}', '\\frac{1}{72}'],
    ['\\frac{-1}{2}', '-\\frac{1}{2}'],
    ['\\frac{1}{-2}', '-\\frac{1}{2}'],
    ['\\frac{-1}{-2}', '\\frac{1}{2}'],
    ['\\left( 1,\\; 2 \\right)', '( 1, 2 )'],
    ['1,000', '1000'],
    ['1{,}000', '1000'],
    ['12,\\!345', '12345'],
    ['1 000 000', '1000000'],
    ['1,000,2', '1,000,2'],
    ['(1,000)', '(1,000)'],
    ['\\sqrt2', '\\sqrt{2}'],
    ['\\sqrt[3]2', '\\sqrt[3]{2}'],
    ['sqrt(x(y+1))', '\\sqrt{x(y+1)}'],
    ['2√3', '2\\sqrt{3}'],
    ['1\\frac12', '(1+\\frac{1}{2})'],
    ['1 3/4', '(1+\\frac{3}{4})'],
    ['2\\frac{7}{3}', '2\\frac{7}{3}'],
    ['x^2\\frac{1}{3}', 'x^2\\frac{1}{3}'],
    ['0.1\\overline{6}', '\\frac{15}{90}'],
    ['0.333...', '\\frac{3}{9}'],
    ['\\text{(A)}', '(A)'],
    ['\\textbf{12}', '12'],
    ['\\boxed{\\boxed{5}}', '\\boxed{5}'],
    ['90^\\circ', '90^{\\circ}'],
    ['\\frac{90^\\circ}{2}', '\\frac{90^{\\circ}}{2}'],
    ['90°', '90^{\\circ}'],
    ['\\$5', '$5'],
    ['5 apples', '5 \\text{apples}'],
    ['5cm', '5\\text{cm}'],
    ['3abc', '3abc'],
    ['x \\leq 3', 'x \\le 3'],
    ['2*pi', '2\\cdot \\pi'],
    ['listen', '\\text{listen}'],
    ['{5}', '5'],
    ['x−1', 'x-1'],
  ])('%s', (text, normal) => expect(normalizeAnswer(text)).toBe(normal))

  test('takes any text in no time', () => {
    const piece = fc.constantFrom(
      '\\frac',
      '\\text{',
      '{',
      '}',
      '1',
      ',',
      '000',
      ' ',
      '\\',
      '$',
      'ab',
      '(',
      '^',
      '_',
      '√',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 400 }), (pieces) => {
        const start = process.cpuUsage()
        normalizeAnswer(pieces.join(''))
        expect(cpuMs(start)).toBeLessThan(500)
      }),
    )
    fc.assert(fc.property(fc.string(), (text) => typeof normalizeAnswer(text) === 'string'))
  })
})

test('groups of three digits are also a list, unless one begins with 0', () => {
  expect(readings('100,200,300')).toEqual(['100200300', '100, 200, 300'])
  expect(readings('1,000')).toEqual(['1000'])
  expect(readings('1, 2')).toEqual(['1, 2'])
})

test.each(['  ', '\n', '\\ ', '$', '\\text{', '1,', "'000", '⁴', '\\over ', '\\\\[4pt]', '9^{\\circ} '])(
  'a long run of %j takes no long time',
  (piece) => {
    const start = performance.now()
    for (const [before, after] of [['5 ', ' x'] as const, ['{', '!'] as const, ['\\text{', '}'] as const]) {
      normalizeAnswer(before + piece.repeat(1000) + after)
    }
    expect(performance.now() - start).toBeLessThan(2000)
  },
)
