import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMs } from '../../../test/support/cpu-time.ts'
import { extractAnswer } from './extract-answer.ts'

describe('extractAnswer', () => {
  test.each([
    ['So \\boxed{1}, no, \\boxed{\\frac{1}{2}}. The answer is 7.', '\\frac{1}{2}'],
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
    ['#### (12,102)', '(12,102)'],
    ['#### 36,36,108', '36,36,108'],
    ['#### $(2,251,252)$', '(2,251,252)'],
    ['#### -$1,234.50', '-$1234.50'],
    ['The answer is \\boxed{}', ''],
    ['The answer is \\boxed{5', '\\boxed{5'],
    ['<answer> $5$ </answer>', '5'],
    ['<answer>1</answer> or <Answer>2</Answer>', '2'],
    ['The answer is:\n\n$\\frac{1}{2}$', '\\frac{1}{2}'],
    ['The final answer is:\n\\[\nx = 5\n\\]\nDone.', 'x = 5'],
    ['**Final Answer**\n\n5', '5'],
    ['## Final answer\n$$5$$', '5'],
    ['Answer: 5\n\nThat is my answer:', '5'],
    ['Final Answer: The largest number of points of $f(x)$ is 19', '19'],
    ['Final Answer: the angle at the top is $30^\\circ$.', '30^\\circ'],
    ['Final Answer: the number is not 5', 'the number is not 5'],
    ['The answer is \\(B\\).', 'B'],
    ['Answer: \\(B\\) and \\(C\\)', '\\(B\\) and \\(C\\)'],
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
