/** Every option of every command that takes a number, with numbers that nobody means. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { commandTable } from '../command-table.ts'
import { main } from '../main.ts'
import { number, numbers } from './option-values.ts'

const folder = mkdtempSync(join(tmpdir(), 'dynts-numeric-'))
afterAll(() => rmSync(folder, { recursive: true }))
const questions = join(folder, 'q.jsonl')
writeFileSync(questions, '{"question": "1 + 1?", "answer": "2"}\n')
const missing = join(folder, 'missing.gguf')

/** What else each command needs, with something that is not there: none of them comes to work. */
const needed: Readonly<Record<string, readonly string[]>> = {
  run: ['q', '-m', missing],
  chat: ['-m', missing],
  serve: ['-m', missing],
  plan: ['-m', missing],
  'predictor evaluate': [missing, '--importance', missing],
  'predictor import': [missing, '-m', missing],
  trace: ['-m', missing, '--task', 'chain'],
  importance: ['-m', missing, '--traces', missing],
  train: ['--importance', missing],
  fit: ['-m', missing, '--task', 'chain', '--work', join(folder, 'fit')],
  calibrate: [missing],
  eval: ['-m', missing, '--task', 'chain'],
  'analyze cost': ['--layers', '2', '--hidden-size', '64', '--query-heads', '2', '--kv-heads', '1'],
  'analyze kept': [missing, '-m', missing],
  'analyze live': ['-m', missing],
  'analyze pareto': [missing, '--traces', questions, '-m', missing],
  report: ['--demo'],
  worker: ['--queue', 'redis://127.0.0.1:1'],
}
/** Of these less than 0 means something. */
const mayBeNegative = ['--frequency-penalty', '--presence-penalty']

/** Alone or in a list. */
const notNumbers = [' 5', '5,,6']

interface NumericOption {
  readonly command: string
  readonly flag: string
}

async function numericOptions(): Promise<NumericOption[]> {
  const visit = (command: Command, path: string): NumericOption[] => [
    ...command.options
      .filter(({ parseArg }) => parseArg === number || parseArg === numbers)
      .map(({ long }) => ({ command: path, flag: long ?? '' })),
    ...command.commands.flatMap((one) => visit(one, `${path} ${one.name()}`)),
  ]
  const loaded = await Promise.all(commandTable.map(async ({ name, load }) => visit(await load(), name)))
  return loaded.flat()
}
const options = await numericOptions()

// Each call of main listens anew.
process.stdout.setMaxListeners(0)
process.stderr.setMaxListeners(0)
const written: string[] = []
beforeEach(() => {
  written.length = 0
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text))
    return true
  })
  vi.spyOn(process.stdout, 'write').mockReturnValue(true)
})

test('every command with such an option is tried', () => {
  expect([...new Set(options.map(({ command }) => command))].sort()).toEqual(Object.keys(needed).sort())
  expect(options.length).toBeGreaterThan(150)
})

test.each(options)('$command $flag', async ({ command, flag }) => {
  for (const value of ['0', '-1', '1.5', 'abc', '1e99', ...notNumbers]) {
    written.length = 0
    const code = await main(['node', 'dynts', ...command.split(' '), ...(needed[command] ?? []), `${flag}=${value}`])
    const text = written.join('')
    const context = `${flag} ${value}: ${text}`
    // The costs of a shape need nothing that can be missing.
    if (command === 'analyze cost' && code === 0 && !notNumbers.includes(value)) continue
    expect(code, context).toBe(2)
    expect(text, context).toMatch(/^dynts: [^\n]+\n$/)
    // The words of the library that checks.
    expect(text, context).not.toMatch(/expected|received|Too (small|big)|Invalid input/)
    if (notNumbers.includes(value)) expect(text, context).toContain('It is not a number')
    // Numbers that cannot be meant are refused by the option's name, before a model is looked for.
    if (value === 'abc' || (value === '-1' && !mayBeNegative.includes(flag))) {
      expect(text, context).toContain(flag.slice(2))
      expect(text, context).toContain(value)
    }
  }
})
