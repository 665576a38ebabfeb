/**
 * The TypeScript examples of the documentation run to their end: those of one page in one process, one after another.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The examples of a page as one program, which prints the line of the page that each begins at. */
function program(page: string): string {
  const text = readFileSync(root + page, 'utf8')
  const examples = [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: code = '', index }) => {
    const line = text.slice(0, index).split('\n').length
    return `console.log('example at line ${line}')\n{\n${code.replace(/^import (.*) from ('.*')$/gm, 'const $1 = await import($2)')}\n}\n`
  })
  expect(examples.length).toBeGreaterThan(0)
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  return ts.transpileModule(`${examples.join('')}console.log('end')\nexport {}\n`, { compilerOptions }).outputText
}

test.each(['README.md', 'docs/library.md'])('%s', (page) => {
  // The package finds itself by its name from the folder in which it lies.
  const options = { cwd: root, input: program(page), timeout: 28_000, encoding: 'utf8' as const }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module'], options)
  const reached = stdout.match(/^(example at line \d+|end)$/gm)?.at(-1)
  expect({ reached, status, signal, stderr }).toEqual({ reached: 'end', status: 0, signal: null, stderr: '' })
})
