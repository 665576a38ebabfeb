/**
 * Runs the built `bin/dynts.js` as a child process, away from this machine's caches. Knows nothing of what it prints.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'
import { scratch } from '../support/scratch.ts'

export { scratch } from '../support/scratch.ts'

export interface Finished {
  /** null: a signal ended the process. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunSettings {
  /** What standard input holds; without it there is none. */
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  /** As a shell runs it: what it starts gets the signals that `process.kill(-child.pid)` sends. */
  readonly ownGroup?: boolean
  /** Called once, as soon as there is a process. */
  readonly onStart?: (child: ChildProcess) => void
  /** Called with every piece of output, e.g. to send a signal at the right moment. */
  readonly onOutput?: (child: ChildProcess, stdout: string, stderr: string) => void
}

export const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))

/** A short problem of the kind that the embedded model knows, and its answer. */
export const shortProblem = generateChainProblem(1, { people: 4 })

/** Runs dynts to its end; kills it, and fails, if it hangs: the limit is far above what a busy machine takes. */
export async function dynts(args: readonly string[], settings: RunSettings = {}): Promise<Finished> {
  const { stdin, env = {}, timeoutMs = 100_000, ownGroup = false, onStart, onOutput } = settings
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: scratch,
    detached: ownGroup,
    env: { PATH: process.env['PATH'], HOME: scratch, HF_HOME: join(scratch, 'hf'), ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  // It may end without reading.
  child.stdin?.on('error', () => undefined).end(stdin)
  onStart?.(child)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    onOutput?.(child, stdout, stderr)
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    onOutput?.(child, stdout, stderr)
  })
  const late = new AbortController()
  const timer = setTimeout(() => {
    late.abort()
    child.kill('SIGKILL')
  }, timeoutMs)
  const finished = await new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  clearTimeout(timer)
  if (late.signal.aborted) {
    throw new Error(`dynts ${args.join(' ')} took longer than ${timeoutMs} ms; it printed:\n${stdout}\n${stderr}`)
  }
  return finished
}

/**
 * What every refusal has in common: exit code 2, nothing on stdout, one line on stderr, with a full stop. Returns what that line says. On a
 * busy machine a model that takes long to load says how far it is before.
 */
export function refusal({ code, signal, stdout, stderr: said }: Finished): string {
  expect({ code, signal, stdout }).toEqual({ code: 2, signal: null, stdout: '' })
  const stderr = said.replace(/^(loading the model: \d+ %\n)+/, '')
  expect(stderr).toMatch(/^dynts: [^\n]+[.!?][)"”]?\n$/)
  return stderr.slice('dynts: '.length, -1)
}

/** The same for what only a loaded model can tell: what it takes was said before. */
export function lateRefusal(finished: Finished): string {
  const lines = finished.stderr.split('\n')
  const at = lines.findIndex((line) => line.startsWith('dynts: '))
  const before = lines.slice(0, at).join('\n')
  expect(before).toMatch(/^weights /m)
  return refusal({ ...finished, stderr: lines.slice(at).join('\n') })
}
