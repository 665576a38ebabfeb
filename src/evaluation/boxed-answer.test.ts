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
    ['\\boxed{7} and then \\boxed{8', '7'],
    ['\\boxed{cut off \\boxed{9}', '9'],
    ['\\\\boxed{3}', '3'],
  ])('%s', (text, answer) => expect(boxedAnswer(text)).toBe(answer))

  test.each([[''], ['42'], ['boxed{42}'], ['\\boxed 42'], ['\\boxed{42'], ['\\boxed{\\}']])('none in "%s"', (text) =>
    expect(boxedAnswer(text)).toBeUndefined(),
  )

  test('finds what was boxed last, whatever is around it', () => {
    const balanced = fc
      .array(fc.constantFrom('1', 'x', ' + ', '{y}', '{a{b}}', '\\frac{1}{2}', '\\}'))
      .map((parts) => parts.join(''))
    const plain = fc.string().filter((text) => !text.includes('\\boxed{') && !text.endsWith('\\'))
    fc.assert(
      fc.property(plain, balanced, plain, balanced, plain, (a, first, b, last, c) => {
        expect(boxedAnswer(`${a}\\boxed{${first}}${b}\\boxed{${last}}${c}`)).toBe(last.trim())
      }),
    )
  })
})
