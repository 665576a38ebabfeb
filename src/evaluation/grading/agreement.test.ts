/**
 * Answers with the verdicts that others gave: from the tests of public graders, derived from public answer keys, and our own.
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
  readonly disputed?: boolean
}

/** Where we decide otherwise; docs/grading.md says why. */
const knownDisagreements = [
  ['9', '9'],
  ['10455', '255'],
  ['0,111', '0.111'],
  ['1000.99', '1000,99'],
  ['1000.99', 'the number is not 10 which is 1,000.99€'],
  ['1 - \\frac{1}{\\mathrm{e}}', '1 + \\frac{1}{\\mathrm{e}}'],
  ['16.\\overline{6}', '16.67'],
  ['3', 'Final Answer: Jane started growing Sphere 3 hours ago'],
  ['1 = \\zzz = x = 0', '0'],
]

const table = readFileSync(new URL('../../../test/fixtures/grading/agreement.jsonl', import.meta.url), 'utf8')
const cases = table
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Case)
const algebra = new FormulaAlgebra()

function verdict({ gold, text, form }: Case): boolean {
  const given = form === 'response' ? extractAnswer(text) : text
  return given !== undefined && sameAnswer(readings(given), readings(gold), algebra)
}

const wrong = cases.filter((one) => verdict(one) !== one.expected)

test('no wrong answer is accepted', () => {
  // Of the answer 9 for 9 one verdict says that it is wrong, and four that it is right.
  expect(wrong.filter(({ expected, gold, text }) => !expected && gold !== text)).toEqual([])
})

test('at least 95 % of the verdicts agree', () => {
  console.log(`grading: ${cases.length - wrong.length} of ${cases.length} verdicts agree`)
  expect(1 - wrong.length / cases.length).toBeGreaterThanOrEqual(0.95)
})

test('the others are known', () => {
  const known = new Set(knownDisagreements.map((pair) => JSON.stringify(pair)))
  const found = new Set(wrong.map(({ gold, text }) => JSON.stringify([gold, text])))
  expect([...found].filter((pair) => !known.has(pair))).toEqual([])
  expect([...known].filter((pair) => !found.has(pair))).toEqual([])
})
