import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { boxedAnswer } from './boxed-answer.ts'

describe('boxedAnswer', () => {
  test.each([
    ['So the answer is \\boxed{42}.', '42'],
    ['\\boxed{1} no, wait: \\boxed{2}', '2'],
    ['\\boxed{\\frac{1}{2}}', '\\frac{1}{2}'],
    ['\\boxed{ x = {a^{2}} } done', 'x = {a^{2}}'],
    ['\\boxed{}', ''],
    ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
    ['\\boxed{\\text{a \\boxed{b}}}', '\\text{a \\boxed{b}}'],
    ['\\boxed{cut off \\boxed{9}', '9'],
    ['\\\\boxed{3}', '3'],
    ['\\boxed {5}', '5'],
    ['\\boxed 5', '5'],
    ['\\boxed -12.5 m', '-12.5'],
    ['\\boxed x', 'x'],
    ['\\fbox{5}', '5'],
    ['\\framebox{5}', '5'],
    ['$\\boxed{-2}$ and $\\boxed{1}$', '-2, 1'],
    ['\\boxed{1}, \\boxed{2} \\text{ or } \\boxed{3}.', '1, 2, 3'],
    ['$x = \\boxed{1}$, $y = \\boxed{2}$', 'x = 1, y = 2'],
    ['the roots: \\boxed{1} and $x_2 = \\boxed{2}$', '1, 2'],
    ['\\boxed{5}, \\boxed{5}', '5'],
    ['area \\boxed{5} and perimeter \\boxed{6}', '6'],
    ['\\boxed{5} ... \\boxed{}', ''],
  ])('%s', (text, answer) => expect(boxedAnswer(text)).toBe(answer))

  test.each([
    [''],
    ['42'],
    ['boxed{42}'],
    ['\\boxed{42'],
    ['\\boxed{7} and then \\boxed{8'],
    ['\\boxedly 4'],
    ['\\boxed{\\}'],
  ])('none in "%s"', (text) => expect(boxedAnswer(text)).toBeUndefined())

  test('finds what was boxed last, whatever is around it', () => {
    const balanced = fc
      .array(fc.constantFrom('1', 'x', ' + ', '{y}', '{a{b}}', '\\frac{1}{2}', '\\}'))
      .map((parts) => parts.join(''))
    // Two boxes with nothing but space between them would be one answer.
    const plain = fc.string().map((text) => `${text.replaceAll('\\', '/')}.`)
    fc.assert(
      fc.property(plain, balanced, plain, balanced, plain, (a, first, b, last, c) => {
        expect(boxedAnswer(`${a}\\boxed{${first}}${b}\\boxed{${last}}${c}`)).toBe(last.trim())
      }),
    )
  })
})
