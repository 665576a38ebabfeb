import { describe, expect, test } from 'vitest'
import { programOf, wholeProgram, wholeTest } from './code-answer.ts'

const check = { prompt: '// Adds.\nfunction add(a, b) {\n', test: 'console.assert(add(1, 1) === 2)', entryPoint: 'add' }
const block = (code: string, language = 'javascript') => `\`\`\`${language}\n${code}\n\`\`\``

describe('programOf', () => {
  const add = 'function add(a, b) { return a + b }'
  test.each([
    ['the only block', `Here:\n\n${block(add)}\n\nDone.`, `${add}\n`],
    [
      'the last one that names the function',
      `${block('let x')}\n${block(add)}\n${block('console.log(1)')}`,
      `${add}\n`,
    ],
    ['the last of all', `${block('let x')}\n${block('let y', '')}`, 'let y\n'],
    ['an indented one', '1. So:\n   ```js\n   let add\n   ```', '   let add\n'],
    ['no block', add, add],
    ['a block that is not closed', `\`\`\`js\n${add}`, `\`\`\`js\n${add}`],
  ])('%s', (_name, answer, program) => {
    expect(programOf(answer, check)).toBe(program)
  })

  test('nothing', () => {
    expect(programOf(' \n', check)).toBeUndefined()
    expect(programOf(block(''), { output: 'x' })).toBeUndefined()
  })
})

test.each([
  ['function add(a, b) { return a + b }', false],
  ['const add = (a, b) => a + b', false],
  ['exports = {}; add = (a, b) => a + b', false],
  ['  return a + b\n}', true],
  ['  if (add == 1) return adder(a)\n}', true],
])('%s goes on with the question: %s', (program, goesOn) => {
  expect(wholeProgram(program, check)).toBe(goesOn ? `${check.prompt}${program}` : program)
})

test.each([
  ['a check that is only defined is called', 'function check(candidate) { f(candidate) }', true],
  ['likewise', 'const check = (candidate) => candidate(1)', true],
  ['one that is called already', 'function check(candidate) {}\ncheck(add);\n', false],
  ['other tests', 'console.assert(add(1, 1) === 2)', false],
])('%s', (_name, source, isCalled) => {
  expect(wholeTest({ ...check, test: source })).toBe(isCalled ? `${source}\n;check(add)` : source)
})
