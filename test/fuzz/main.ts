/**
 * `npm run fuzz -- --kind gguf --count N --seed S`: broken model files through `dynts run`. Each must be run or refused in one line with exit
 * code 2: nothing may end the process, hang, or be called a bug. `--case I` does one of them again, and keeps its file.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { mulberry32 } from '../../src/mulberry32.ts'
import { families, others } from '../support/families.ts'
import { mutate, type Mutation } from './mutate.ts'

const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))
const longestMs = 300_000
const folder = mkdtempSync(join(tmpdir(), 'dynts-fuzz-'))
const bases = Object.entries({ ...families, ...others })

type Outcome = 'ran' | 'refused' | 'failed' | 'CRASHED' | 'HUNG' | 'NOT ONE LINE' | 'CALLED A BUG'

function caseOf(seed: number, index: number): Mutation & { readonly base: string } {
  const random = mulberry32(seed * 1_000_003 + index)
  const [base, make] = bases[Math.floor(random() * bases.length)] ?? bases[0] ?? []
  if (base === undefined || make === undefined) throw new Error('there are no models')
  return { base, ...mutate(make(), random) }
}

/** Runs a file under the policy that its number says. */
function tryFile(path: string, index: number): Promise<{ outcome: Outcome; said: string }> {
  const policy = ['full', 'question-window', 'knorm'][index % 3] ?? 'full'
  const bound = policy === 'full' ? [] : ['--budget', '32', '--local-window', '8']
  const args = [bin, 'run', '--model', path, '--policy', policy, ...bound, '-n', '40', '--threads', '1', 'abcabc']
  const env = { PATH: process.env['PATH'], HOME: folder, XDG_CACHE_HOME: folder }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-100_000)))
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    child.kill('SIGKILL')
  }, longestMs)
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      const lines = stderr.split('\n').filter((line) => line.startsWith('dynts: '))
      const said = lines[0] ?? stderr.trim().split('\n').at(-1) ?? ''
      resolve({ outcome: outcomeOf(code, signal, lines, isLate), said })
    })
  })
}

function outcomeOf(code: number | null, signal: string | null, lines: readonly string[], isLate: boolean): Outcome {
  if (isLate) return 'HUNG'
  if (signal !== null) return 'CRASHED'
  if (lines.some((line) => line.includes('bug in dynts'))) return 'CALLED A BUG'
  if (code === 0) return 'ran'
  if (lines.length !== 1) return 'NOT ONE LINE'
  return code === 2 ? 'refused' : 'failed'
}

async function main(): Promise<number> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { kind: text, count: text, seed: text, case: text } })
  if (values.kind !== undefined && values.kind !== 'gguf') throw new Error('--kind is gguf')
  const seed = Number(values.seed ?? 1)
  const only = values.case === undefined ? undefined : Number(values.case)
  const count = only === undefined ? Number(values.count ?? 100) : only + 1
  const outcomes = new Map<Outcome, number>()
  let next = only ?? 0
  // What was tried so far is told.
  process.on('SIGINT', () => (next = count))
  const work = async () => {
    while (next < count) {
      const index = next++
      const { base, done, file } = caseOf(seed, index)
      const path = join(folder, `${index}.gguf`)
      writeFileSync(path, file)
      const { outcome, said } = await tryFile(path, index)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      const isBad = outcome === outcome.toUpperCase()
      if (isBad || outcome === 'failed' || only !== undefined) {
        process.stdout.write(`${outcome}, case ${index}: ${base}, ${done.join(', ')}: ${said.slice(0, 300)}\n`)
      }
      if (only === undefined) rmSync(path)
      else process.stdout.write(`${path}\n`)
      if (index % 100 === 99) process.stderr.write(`${index + 1} of ${count}\n`)
    }
  }
  await Promise.all([work(), work()])
  process.stdout.write(`seed ${seed}: ${[...outcomes].map(([name, of]) => `${of} ${name}`).join(', ')}\n`)
  if (only === undefined) rmSync(folder, { recursive: true })
  return [...outcomes.keys()].some((outcome) => outcome === outcome.toUpperCase()) ? 1 : 0
}

process.exitCode = await main()
