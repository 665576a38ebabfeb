/** Runs programs that a model wrote, one after another, each in a process of its own that is killed when it is late. */
import { fork } from 'node:child_process'
import { EngineError } from '../../errors.ts'
import type { FromSandbox } from './sandbox-program.ts'
import type { SandboxJob, SandboxLimits, SandboxResult } from './sandbox.ts'

export interface ProgramRunnerOptions {
  /** What differs from 10 seconds, 128 MiB and 64 Ki characters. */
  readonly limits?: Partial<SandboxLimits> | undefined
  /** For tests: options of the process's Node. */
  readonly execArgv?: readonly string[] | undefined
  /** For tests: the process's program. */
  readonly program?: URL | undefined
}

const defaultLimits: SandboxLimits = { timeMs: 10_000, memoryBytes: 128 << 20, outputCharacters: 64 << 10 }
/** The engine ends a program itself; where it cannot, in a single long operation, the process is killed so much later. */
const graceMs = 2000
/** The process and WebAssembly are not expected to take so long on any machine. */
const startMs = 60_000

export class ProgramRunner implements AsyncDisposable {
  readonly #limits: SandboxLimits
  readonly #options: ProgramRunnerOptions
  readonly #ending = new AbortController()
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ProgramRunnerOptions = {}) {
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#options = options
  }

  /**
   * Nothing in a program makes this fail.
   * @throws EngineError `no_sandbox` where programs cannot be run safely, with the reason; `grader_closed` after `close`
   */
  async run(job: Omit<SandboxJob, 'limits'>): Promise<SandboxResult> {
    const running = this.#last.then(async () => await this.#start({ ...job, limits: this.#limits }))
    this.#last = running.catch(() => undefined)
    return await running
  }

  /** @throws EngineError `no_sandbox` where programs cannot be run safely */
  async check(): Promise<void> {
    const { how } = await this.run({ program: '1 + 1', test: null })
    if (how !== 'ended') throw noSandbox(`a program of three tokens: ${how}`)
  }

  /** Kills what runs; what waits is refused. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#last
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #start(job: SandboxJob): Promise<SandboxResult> {
    const { signal } = this.#ending
    if (signal.aborted) throw graderClosed()
    const { program = new URL('./sandbox-program.js', import.meta.url), execArgv = [] } = this.#options
    const { SystemRoot } = process.env
    const child = fork(program, {
      execArgv: [...execArgv],
      // It has no use for anything of the user's; Windows starts no process without this one.
      env: SystemRoot === undefined ? {} : { SystemRoot },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    let timer: NodeJS.Timeout | undefined
    let onAbort = () => {}
    try {
      return await new Promise<SandboxResult>((resolve, reject) => {
        let hasBegun = false
        onAbort = () => reject(graderClosed())
        signal.addEventListener('abort', onAbort, { once: true })
        timer = setTimeout(() => reject(noSandbox('its process does not begin')), startMs)
        child.on('message', (message: FromSandbox) => {
          if (message.type === 'failed') reject(noSandbox(message.reason))
          else if (message.type === 'result') resolve(message.result)
          else {
            hasBegun = true
            clearTimeout(timer)
            timer = setTimeout(() => resolve({ how: 'timed out' }), job.limits.timeMs + graceMs)
          }
        })
        child.on('error', (error) => reject(noSandbox(error.message)))
        child.on('exit', (code, by) => {
          const message = `its process ended: ${by ?? `exit code ${code}`}`
          // What ends the process from within is a program that breaks its engine: it has passed no test.
          if (hasBegun) resolve({ how: 'threw', message })
          else reject(noSandbox(message))
        })
        child.send(job, () => undefined)
      })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      child.removeAllListeners()
      child.on('error', () => undefined)
      child.kill('SIGKILL')
    }
  }
}

function graderClosed(): EngineError {
  return new EngineError('grader_closed', 'the grader is closed')
}

function noSandbox(reason: string): EngineError {
  return new EngineError('no_sandbox', `programs cannot be run here in safety: ${reason}`)
}
