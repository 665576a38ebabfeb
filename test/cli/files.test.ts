/**
 * Files that cannot be written or read: every command says which one, why, and what to do, in one line with exit code 2. And
 * commands that can be pasted into a shell.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { ImportanceWriter } from '../../src/traces/importance-writer.ts'
import { syntheticManifest, syntheticTraces } from '../../src/training/synthetic.fake.ts'
import { importanceOracle, oraclePredictor, tinyF32 } from '../oracle.ts'
import { keptTrace, writeTraces } from '../support/oracle-traces.ts'
import { noLock } from '../support/no-lock.ts'
import { refusalHere } from './refusal-of.ts'
import { dynts, refusal, scratch } from './run-dynts.ts'

vi.setConfig({ testTimeout: 120_000 })

const at = (name: string) => join(scratch, name)
const questions = at('questions.jsonl')
writeFileSync(
  questions,
  [1, 2].map((i) => `${JSON.stringify({ id: `p${i}`, ...generateChainProblem(i, { people: 3 }) })}\n`).join(''),
)
const traces = writeTraces(at('traces.jsonl'), importanceOracle().traces.slice(0, 1).map(keptTrace))
const importance = at('synthetic.importance')
const writer = ImportanceWriter.open(importance, syntheticManifest(), { lock: noLock })
for (const { record, arrays } of syntheticTraces()) writer.add(record, arrays)
const weights = fileURLToPath(new URL('../fixtures/predictor.safetensors', import.meta.url))
const machine = ['--threads', '1', '--offline']
const chain = ['eval', '--task', 'chain', '--file', questions, '--policy', 'full', '--max-tokens', '8', ...machine]
const trace = ['trace', '--model', 'tiny', '--max-tokens', '8', '--samples', '1', ...machine]

/** Each command that writes, to a place. */
const writers: [string, (place: string) => string[]][] = [
  ['trace', (place) => [...trace, '--questions', questions, '--output', place]],
  ['importance', (place) => ['importance', '--model', tinyF32, ...machine, '--traces', traces, '--output', place]],
  ['eval', (place) => [...chain, '--output', place]],
  ['eval merge', (place) => ['eval', 'merge', at('evaluated'), '--output', place]],
  ['eval summary', (place) => ['eval', 'summary', at('evaluated'), '--csv', place]],
  ['train', (place) => ['train', '--importance', importance, '--threads', '1', '--output', place]],
  ['predictor export', (place) => ['predictor', 'export', oraclePredictor, '-f', '--output', place]],
  ['predictor import', (place) => ['predictor', 'import', weights, '-m', tinyF32, '-f', '--output', place]],
]

describe('what cannot be written', async () => {
  expect(await dynts([...chain, '--output', at('evaluated')])).toMatchObject({ code: 0 })
  writeFileSync(at('file'), 'mine')

  test.each(writers)('%s: a place below a file', async (_, args) => {
    const { code, stderr } = await dynts(args(join(at('file'), 'below')))
    const line = stderr.trimEnd().split('\n').at(-1) ?? ''
    expect({ code, line }).toMatchObject({ code: 2 })
    expect(line).toMatch(
      /^dynts: \S*file\S* (cannot be written: .*\. Give another --\w+\.|\. Make it, or give)|no folder/,
    )
  })

  test.each(writers.filter(([name]) => name !== 'eval' && name !== 'eval merge'))('%s: a device', async (_, args) => {
    for (const device of ['/dev/null', '/dev/full'].filter((path) => existsSync(path))) {
      const { code, stderr } = await dynts(args(device))
      const line = stderr.trimEnd().split('\n').at(-1) ?? ''
      expect({ code, line }).toMatchObject({ code: 2 })
      expect(line).toMatch(/dev\/\w+ (is a device or a pipe|is a file|is there|cannot be written)/)
      expect(lstatSync(device).isCharacterDevice()).toBe(true)
    }
  })

  test('leaves nothing beside it', () => {
    const left = readdirSync(scratch).filter((name) => /\.(partial|lock)$/.test(name))
    expect(left).toEqual([])
  })
})

test('an empty path is refused by every command', async () => {
  for (const [name, args] of writers) {
    expect({ name, says: await refusalHere(args('')) }).toMatchObject({
      says: expect.stringMatching(/is empty/) as string,
    })
  }
  expect(await refusalHere(['eval', 'summary', ''])).toMatch(/argument is empty/)
})

describe('what cannot be read', () => {
  test.each(['/dev/zero', '/dev/full', '/dev/null'].filter((path) => existsSync(path)))('%s', async (device) => {
    for (const args of [
      [...trace, '--questions', device],
      ['importance', '--model', tinyF32, '--traces', device, '--output', at('none')],
      [...chain.slice(0, 4), device, ...chain.slice(5), '--output', at('none')],
    ]) {
      expect(refusal(await dynts(args))).toMatch(/is a device\. Name a file or a pipe/)
    }
  })

  test('a pipe is read like a file', () => {
    const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))
    const command = `"$0" "$1" ${trace.join(' ')} --questions <(cat "$2") --output "$3"`
    const args = ['-c', command, process.execPath, bin, questions, at('piped.jsonl')]
    const { status, stderr } = spawnSync('bash', args, { encoding: 'utf8', cwd: scratch })
    expect({ status, stderr }).toMatchObject({ status: 0 })
    expect(execFileSync('wc', ['-l', at('piped.jsonl')], { encoding: 'utf8' })).toMatch(/^2 /)
  })
})

test('a value of 100,000 characters is cut, and stays on one line', async () => {
  for (const value of ['x'.repeat(100_000), 'x '.repeat(50_000), 'a\nb\u001B[31m']) {
    for (const args of [
      ['run', '--model', value],
      ['run', '--budget', value],
      ['eval', 'summary', value],
      [...trace, '--questions', value],
    ]) {
      const says = await refusalHere(args)
      expect(says.length).toBeLessThan(3200)
      expect(says).not.toMatch(/\p{Cc}/u)
    }
  }
})

test('the next command can be pasted', async () => {
  const folder = at('a $x folder')
  mkdirSync(folder)
  copyFileSync(traces, join(folder, "it's.jsonl"))
  const { code, stderr } = await dynts([
    'importance',
    '--model',
    tinyF32,
    ...machine,
    '--traces',
    join(folder, "it's.jsonl"),
  ])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  const next = /^Next: dynts train --importance (.*)$/m.exec(stderr)?.[1] ?? ''
  expect(execFileSync('bash', ['-c', `printf %s ${next}`], { encoding: 'utf8' })).toBe(join(folder, "it's.importance"))
  expect(dirname(next)).toContain('$x')
})

test('a signal ends a command that waits for a pipe to which nobody writes', async () => {
  const pipe = at('silent.jsonl')
  execFileSync('mkfifo', [pipe])
  const args = ['eval', '--task', 'chain', '--file', pipe, '--policy', 'full', '--output', at('silent'), ...machine]
  const { signal, stdout } = await dynts(args, {
    onStart: (child) => {
      // Until it waits there, a signal ends it in the ordinary way.
      const asked = setInterval(() => child.kill('SIGTERM'), 3000)
      child.on('exit', () => clearInterval(asked))
    },
    timeoutMs: 20_000,
  })
  expect(signal).toBe('SIGTERM')
  expect(stdout).toBe('')
  expect(existsSync(at('silent'))).toBe(false)
})
