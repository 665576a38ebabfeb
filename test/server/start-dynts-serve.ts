/** Starts the built `dynts serve` on a free port, away from this machine's caches. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { scratch } from '../support/scratch.ts'

const bin = fileURLToPath(new URL('../../bin/dynts.js', import.meta.url))
const mostMs = 60_000

/** Ends with its scope, if it is held by `await using`. */
export interface DyntsServer extends AsyncDisposable {
  readonly process: ChildProcess
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly stdout: () => string
  readonly stderr: () => string
  /** Of the engine process; undefined while there is none. */
  readonly enginePid: () => number | undefined
  readonly exited: Promise<number | null>
  stop(): Promise<void>
}

export async function startDyntsServe(args: readonly string[], env: Record<string, string> = {}): Promise<DyntsServer> {
  const child = spawn(process.execPath, [bin, 'serve', '--port', '0', '--threads', '1', '--gpu', 'off', ...args], {
    cwd: scratch,
    env: { PATH: process.env['PATH'], HOME: scratch, HF_HOME: join(scratch, 'hf'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await exited
  }
  const url = await until(() => {
    if (child.exitCode !== null) throw new Error(`dynts serve has ended: ${stderr}`)
    return / at (http:\S+) /.exec(stdout)?.[1]?.replace(/,$/, '')
  })
  return {
    process: child,
    url,
    stdout: () => stdout,
    stderr: () => stderr,
    enginePid: () => childOf(child.pid),
    exited,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The child process of a process, by the tables of Linux. */
function childOf(pid: number | undefined): number | undefined {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const [, parent] = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8')) ?? []
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8')
      if (Number(parent) === pid && command.includes('engine-host')) return Number(name)
    } catch {
      // It has ended meanwhile.
    }
  }
  return undefined
}

/** Waits for what `look` gives. */
export async function until<T>(look: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
  const deadline = performance.now() + mostMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error('it does not come')
    await sleep(5)
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
