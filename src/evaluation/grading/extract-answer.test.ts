import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMs } from '../../../test/support/cpu-time.ts'
import { extractAnswer } from './extract-answer.ts'

describe('extractAnswer', () => {
  test.each([
    ['So \\boxed{1}, or \\boxed{\\frac{1}{2}}. The answer is 7.', '\\frac{1}{2}'],
    ['The answer is 42.', '42'],
    ['The answer is 42. That is all.', '42'],
    ['The answer is 1. No, the answer is 2', '2'],
    ['The final answer is: $\\frac{1}{2}$.', '\\frac{1}{2}'],
    ['**Answer:** 3.5', '3.5'],
    ['Answer: (B)', '(B)'],
    ['**The answer is 12.**', '12'],
    ['The answer to the question is 12.', '12'],
    ['the ANSWER is \\(x^2\\).\nDone.', 'x^2'],
    ['48/2 = 24\n#### 72', '72'],
    ['#### 1,234\n', '1234'],
    ['#### $x$', 'x'],
    ['The answer is \\boxed{}', ''],
    ['The answer is \\boxed{5', '\\boxed{5'],
  ])('%j', (text, answer) => expect(extractAnswer(text)).toBe(answer))

  test.each([[''], ['42'], ['The answers vary.'], ['#### Step 4\nand on'], ['I cannot answer it.'], ['The answer is']])(
    'none in %j',
    (text) => expect(extractAnswer(text)).toBeUndefined(),
  )

  test('a box wins over everything around it', () => {
    fc.assert(
      fc.property(fc.lorem(), fc.nat(), fc.lorem(), (before, value, after) => {
        expect(extractAnswer(`${before} answer is 1\n\\boxed{${value}} ${after}\n#### 2`)).toBe(String(value))
      }),
    )
  })

  test('long texts take no time', () => {
    const start = process.cpuUsage()
    for (const piece of ['answer ', 'answer is ', 'answer to ', '\n', '#### ', ' ', '\\boxed{'])
      extractAnswer(piece.repeat(20_000))
    expect(cpuMs(start)).toBeLessThan(2000)
  })
})
