/**
 * The TypeScript examples of the documentation run to their end: those of one page in one process, one after another.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The examples of a page as one program, which prints the line of the page that each begins at. */
function program(page: string): string {
  const markdown = readFileSync(root + page, 'utf8')
  const examples = [...markdown.matchAll(/^```ts\n([^]*?)^```$/gm)].map(({ 1: code = '', index }) => {
    const line = markdown.slice(0, index).split('\n').length
    return `console.log('example at line ${line}')\n{\n${code.replace(/^import (.*) from ('.*')$/gm, 'const $1 = await import($2)')}\n}\n`
  })
  expect(examples.length).toBeGreaterThan(0)
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext }
  return ts.transpileModule(`${examples.join('')}console.log('end')\nexport {}\n`, { compilerOptions }).outputText
}

test.each(['README.md', 'docs/library.md'])('%s', async (page) => {
  // The package finds itself by its name from the folder in which it lies.
  const child = spawn(process.execPath, ['--input-type=module'], { cwd: root, timeout: 100_000 })
  child.stdin.end(program(page))
  const [stdout, stderr, [status, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  const reached = stdout.match(/^(example at line \d+|end)$/gm)?.at(-1)
  expect({ reached, status, signal, stderr }).toEqual({ reached: 'end', status: 0, signal: null, stderr: '' })
})
