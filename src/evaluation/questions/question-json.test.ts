import { expect, test } from 'vitest'
import { parseJson, tableOf } from './question-json.ts'

test.each([
  ['{"a": 123456789012345678901}', { a: '123456789012345678901' }],
  ['[-0.12345678901234567890, 1e5]', ['-0.12345678901234567890', 100_000]],
  [
    '{"a": 123456789012345, "b": "99999999999999999999 \\" 7"}',
    { a: 123_456_789_012_345, b: '99999999999999999999 " 7' },
  ],
  ['1234567890123456', '1234567890123456'],
  ['{"1234567890123456789": 1}', { '1234567890123456789': 1 }],
  ['[1e400, -2.5E+999, 1e-400, 0e999, 1e300]', ['1e400', '-2.5E+999', '1e-400', 0, 1e300]],
  ['{"a": 1.0, "b": 0.1}', { a: 1, b: 0.1 }],
])('no digit of a number is lost: %s', (text, value) => expect(parseJson(text, 'f')).toEqual(value))

test('what is not JSON is refused', () => {
  expect(() => parseJson('{"a": 12345678901234567890', 'f')).toThrow(/^f is not JSON: /)
})

const rows = [
  { question: 'a', answer: 1 },
  { question: 'b', answer: 2 },
]
test.each([
  ['a list in it', { version: 1, data: rows }, rows],
  ['columns', { question: ['a', 'b'], answer: [1, 2] }, rows],
  ['columns with row numbers', { question: { 0: 'a', 1: 'b' }, answer: { 0: 1, 1: 2 } }, rows],
  ['columns of lists', { question: ['a'], choices: [['x', 'y']] }, [{ question: 'a', choices: ['x', 'y'] }]],
  ['a record', { question: 'a', answer: '1' }, undefined],
  ['a record with choices', { question: 'a', choices: ['x', 'y'], answer: 0 }, undefined],
  ['a conversation', { messages: [{ role: 'user', content: 'a' }], answers: ['1'] }, undefined],
  ['columns of different lengths', { question: ['a', 'b'], answer: [1] }, undefined],
  ['lists of no text', { values: [1, 2], answer: [3, 4] }, undefined],
])('a table as one object: %s', (_what, whole, table) => expect(tableOf(whole as object as never)).toEqual(table))
