/**
 * One fuzzed model: made by its seed and number, and run by `dynts run`. It must be run or refused in one line with exit code 2: nothing may
 * end the process, hang, or be called a bug.
 */
import { spawn } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mulberry32 } from '../../src/mulberry32.ts'
import { families, others } from '../support/families.ts'
import { vocabularies, withVocabulary } from '../support/vocabularies.ts'
import { mutate, type Mutation } from './mutate.ts'

const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))
const longestMs = 300_000
const bases = Object.entries({ ...families, ...others })
const tokenizers = Object.keys(vocabularies)

/** In capitals: a fault. */
export type Outcome = 'ran' | 'refused' | 'CRASHED' | 'HUNG' | 'NOT ONE LINE' | 'CALLED A BUG' | 'NOT REFUSED'

export interface FuzzedModel extends Mutation {
  readonly index: number
  readonly base: string
}

export function fuzzedModel(seed: number, index: number): FuzzedModel {
  const random = mulberry32(seed * 1_000_003 + index)
  const [name, make] = bases[Math.floor(random() * bases.length)] ?? bases[0] ?? []
  if (name === undefined || make === undefined) throw new Error('there are no models')
  // Half of them keep their own, byte pairs.
  const tokenizer = tokenizers[Math.floor(random() * 2 * tokenizers.length)]
  const plan = tokenizer === undefined ? make() : withVocabulary(make(), tokenizer)
  return { index, base: tokenizer === undefined ? name : `${name} with ${tokenizer}`, ...mutate(plan, random) }
}

/** Paths of its files, the first of which is the model. */
export function writeFuzzed(folder: string, { index, files }: FuzzedModel): string[] {
  const part = (i: number) => String(i).padStart(5, '0')
  const paths = files.map((_, i) =>
    join(folder, files.length === 1 ? `${index}.gguf` : `${index}-${part(i + 1)}-of-${part(files.length)}.gguf`),
  )
  paths.forEach((path, i) => {
    const file = files[i]
    if (file) writeFileSync(path, file)
  })
  return paths
}

export function removeFuzzed(paths: readonly string[]): void {
  for (const path of paths) if (existsSync(path)) rmSync(path)
}

/**
 * Runs a model under the policy that its number says.
 * @param home of the process: its cache folder is there
 */
export function tryModelFile(path: string, index: number, home: string): Promise<{ outcome: Outcome; said: string }> {
  const policy = ['full', 'question-window', 'knorm'][index % 3] ?? 'full'
  const bound = policy === 'full' ? [] : ['--budget', '32', '--local-window', '8']
  const args = [bin, 'run', '--model', path, '--policy', policy, ...bound, '-n', '40', '--threads', '1', 'abcabc']
  const env = { PATH: process.env['PATH'], HOME: home, XDG_CACHE_HOME: home }
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
  return code === 2 ? 'refused' : 'NOT REFUSED'
}

export function isFault(outcome: Outcome): boolean {
  return outcome === outcome.toUpperCase()
}
