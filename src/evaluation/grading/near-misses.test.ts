/**
 * Answers of the kinds in `agreement.jsonl`: right ones in other words, and wrong ones that differ in a sign, a digit, an
 * order, a bracket, a unit or a word. Most were written and judged before the grader was looked at or run.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { extractAnswer } from './extract-answer.ts'
import { readings } from './normalize-answer.ts'
import { sameAnswer } from './same-answer.ts'
import { FormulaAlgebra } from './same-formula.ts'

interface Case {
  readonly gold: string
  readonly text: string
  readonly expected: boolean
  readonly kind: string
  /** `response`: the text of an answer in which the answer must be found. */
  readonly form: 'answer' | 'response'
}

const table = readFileSync(new URL('../../../test/fixtures/grading/near-misses.jsonl', import.meta.url), 'utf8')
const cases = table
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case)
const algebra = new FormulaAlgebra()
const wrong = cases.filter(({ gold, text, form, expected }) => {
  const given = form === 'response' ? extractAnswer(text) : text
  return (given !== undefined && sameAnswer(readings(given), readings(gold), algebra)) !== expected
})

test('no wrong answer is accepted', () => {
  expect(wrong.filter(({ expected }) => !expected)).toEqual([])
})

test('at least 99 % are judged correctly', () => {
  for (const { gold, text, kind } of wrong) console.log(`  refused (${kind}): ${text} for ${gold}`)
  expect(1 - wrong.length / cases.length).toBeGreaterThanOrEqual(0.99)
})
