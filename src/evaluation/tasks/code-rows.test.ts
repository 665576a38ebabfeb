import { describe, expect, test } from 'vitest'
import { readCodeCheck } from '../code/code-answer.ts'
import { codeItem } from './code-rows.ts'

const head = '// The length of a text.\nfunction sizeOf(text) {\n'
const itemOf = (row: Record<string, unknown>) => codeItem(row, 'x.jsonl: line 1', 4)

describe('the same problem in the layout of', () => {
  const check = 'function check(candidate) { console.assert(candidate("a") === 1) }'
  const called = 'const testSizeOf = () => { console.assert(sizeOf("a") === 1) }\n\ntestSizeOf()\n'
  const asserted =
    'const assert = require("node:assert");\n\nfunction test() {\n  let candidate = sizeOf;\n  assert.deepEqual(candidate("a"),1);\n}\n\ntest();'
  test.each<[string, Record<string, unknown>, string]>([
    ['HumanEval', { task_id: 'a/1', prompt: head, entry_point: 'sizeOf', test: check }, check],
    [
      'HumanEvalPack',
      { task_id: 'a/1', prompt: head, entry_point: 'sizeOf', test: called, declaration: 'function sizeOf(text) {' },
      called.trim(),
    ],
    [
      'HumanEval-X',
      { task_id: 'a/1', prompt: head, declaration: '\nconst sizeOf = (text) => {\n', test: called },
      called.trim(),
    ],
    [
      'MultiPL-E',
      {
        name: 'a/1',
        language: 'js',
        prompt: head,
        tests: asserted,
        doctests: 'transform',
        stop_tokens: ['\nfunction '],
      },
      asserted,
    ],
  ])('%s', (_name, row, tests) => {
    const item = itemOf(row)
    expect(item).toMatchObject({ id: 'a/1', index: 4, kind: 'code' })
    expect(item.prompt).toContain('```javascript\n// The length of a text.\nfunction sizeOf(text) {\n```')
    expect(item.prompt).toContain('give the whole function sizeOf,')
    expect(readCodeCheck(item.expected)).toEqual({ prompt: `${head.trim()}\n`, test: tests, entryPoint: 'sizeOf' })
  })
})

test.each<[Record<string, unknown>, RegExp]>([
  [{ prompt: head, tests: 'assert(true)', language: 'js' }, /^x\.jsonl: line 1 has no entry_point\.$/],
  [
    { name: 'a', prompt: 'fn size_of(text: String) {', tests: 'let candidate = size_of;', language: 'rs' },
    /is rs, and only/,
  ],
  [{ prompt: head, declaration: 'function sizeOf(text) {' }, /has no test\.$/],
  [{ tests: 'let candidate = f' }, /has no prompt\.$/],
])('%j is refused', (row, message) => {
  expect(() => itemOf(row)).toThrow(message)
})
