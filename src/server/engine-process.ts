/**
 * The engine process as the HTTP process sees it: starts it, watches it, and starts it anew when it has died or hangs.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { EngineError } from '../errors.ts'
import { fromPlainError } from '../engine/protocol.ts'
import type { GenerateEvent, GenerateRequest } from '../engine/types.ts'
import type { EngineFacts, FromHost, HostCall, HostCalls, HostItem, HostOptions, ToHost } from './engine-messages.ts'

export type EngineState = 'loading' | 'ready' | 'restarting' | 'closed'

/** Receives what happens to one generation. After `onError`, or the event `finish`, nothing more comes. */
export interface GenerationListener {
  onEvent(event: GenerateEvent): void
  /** EngineError `engine_died`: the process is gone, and the generation with it. */
  onError(error: Error): void
}

/** What the service needs of an engine. */
export interface EngineBackend {
  readonly state: EngineState
  /** @throws InputError for what cannot be done; EngineError `engine_died` */
  ask<N extends HostCall>(type: N, message: HostCalls[N]['message']): Promise<HostCalls[N]['reply']>
  submit(id: string, request: GenerateRequest, listener: GenerationListener): void
  cancel(id: string): void
  /** Closes the thinking of a generation that thinks. */
  endThinking(id: string): void
}

export interface EngineProcessOptions {
  readonly host: HostOptions
  /** An engine that has work, and says nothing for so long, is killed. */
  readonly stallTimeoutMs: number
  /** One that is started again, and says nothing for so long, is killed as well. Default: 30 s, or `stallTimeoutMs` if that is more. */
  readonly startTimeoutMs?: number | undefined
  readonly onState?: ((state: EngineState) => void) | undefined
  /** Share of the weights that are read, 0 to 1. */
  readonly onProgress?: ((share: number) => void) | undefined
  /** @param reason `exit`, `signal`, `stall`, `message` (it is not known) or `start`; with its exit code, its signal or the error, and what the process said last */
  readonly onDeath?: ((reason: string, how: string, said: string) => void) | undefined
  /** For tests: another program. */
  readonly program?: URL | undefined
}

/** Of the environment, what a model that is on the disk needs: no key, no token, and no proxy, whose address may hold a password. */
const passedOn =
  /^(?:PATH|HOME|TMPDIR|TMP|TEMP|USERPROFILE|APPDATA|LOCALAPPDATA|SystemRoot|LANG|LC_.*|HF_HOME|HF_HUB_CACHE|HUGGINGFACE_HUB_CACHE|XDG_.*|LD_LIBRARY_PATH|DYLD_.*|CUDA_.*|GGML_.*|VK_.*|HIP_.*|OMP_.*)$/
const longestDelayMs = 30_000
const healthyAfterMs = 60_000
const keptLines = 20
const usualStartMs = 30_000
/** A process that is to end, or whose channel has closed, gets so long. */
const endPatienceMs = 5000

export class EngineProcess implements EngineBackend {
  readonly #options: EngineProcessOptions
  readonly #listeners = new Map<string, GenerationListener>()
  readonly #calls = new Map<number, { resolve: (reply: unknown) => void; reject: (error: Error) => void }>()
  #child: ChildProcess | undefined
  #state: EngineState = 'loading'
  #facts: EngineFacts | undefined
  #lastCall = 0
  #delayMs = 0
  #readyAt = 0
  #said: string[] = []
  #killedFor: string | undefined
  #heardAt = performance.now()
  #retry: NodeJS.Timeout | undefined
  readonly #watchdog: NodeJS.Timeout

  constructor(options: EngineProcessOptions) {
    this.#options = options
    this.#watchdog = setInterval(() => this.#watch(), Math.min(1000, options.stallTimeoutMs / 4)).unref()
  }

  get state(): EngineState {
    return this.#state
  }

  get facts(): EngineFacts | undefined {
    return this.#facts
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Starts the process and waits until the model is loaded.
   * @throws what `loadModel` and `Engine.create` throw; EngineError `engine_died`
   */
  async start(): Promise<EngineFacts> {
    this.#facts = await this.#spawn()
    return this.#facts
  }

  submit(id: string, request: GenerateRequest, listener: GenerationListener): void {
    if (this.#state !== 'ready') {
      listener.onError(diedError('it is not running'))
      return
    }
    this.#listeners.set(id, listener)
    this.#send({ type: 'submit', id, request })
  }

  cancel(id: string): void {
    if (this.#listeners.has(id)) this.#send({ type: 'cancel', id })
  }

  endThinking(id: string): void {
    if (this.#listeners.has(id)) this.#send({ type: 'endThinking', id })
  }

  /** Ends the process; what is running in it is lost. */
  async close(): Promise<void> {
    this.#setState('closed')
    clearInterval(this.#watchdog)
    clearTimeout(this.#retry)
    const child = this.#child
    if (!child || !isRunning(child)) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    this.#send({ type: 'close' })
    killLate(child)
    await gone
  }

  #spawn(): Promise<EngineFacts> {
    this.#child = undefined
    this.#said = []
    this.#killedFor = undefined
    this.#heardAt = performance.now()
    return new Promise<EngineFacts>((resolve, reject) => {
      let hasEnded = false
      const end = (reason: string, how: string) => {
        if (hasEnded) return
        hasEnded = true
        const error = diedError(how)
        reject(error)
        this.#die(reason, how, error)
      }
      try {
        const child = this.#fork()
        child.on('message', (message: FromHost) => {
          this.#heardAt = performance.now()
          if (message.type === 'ready') {
            this.#readyAt = performance.now()
            this.#setState('ready')
            resolve(message.facts)
          } else if (message.type === 'loadFailed') reject(fromPlainError(message.error))
          else this.#receive(message)
        })
        child.once('exit', (code, signal) => {
          const reason = this.#killedFor ?? (signal === null ? 'exit' : 'signal')
          end(reason, signal === null ? `exit code ${code}` : `it was ended by ${signal}`)
        })
        // Without its channel it is of no use; it ends by itself then, unless it hangs.
        child.once('disconnect', () => killLate(child))
        // One that was never started has no `exit`; of any other, that comes.
        child.on('error', (error) => {
          if (child.pid === undefined) end('start', error.message)
        })
        this.#child = child
        this.#send({ type: 'load', options: this.#options.host })
      } catch (error) {
        end('start', String(error))
      }
    })
  }

  #fork(): ChildProcess {
    const program = this.#options.program ?? new URL('./engine-host.js', import.meta.url)
    const child = fork(program, {
      serialization: 'advanced',
      execArgv: [],
      env: engineEnvironment(process.env),
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    const hear = (data: string) => {
      this.#said = [...this.#said, ...data.split('\n').filter((line) => line.trim() !== '')].slice(-keptLines)
    }
    child.stdout?.setEncoding('utf8').on('data', hear)
    child.stderr?.setEncoding('utf8').on('data', hear)
    return child
  }

  #receive(message: Exclude<FromHost, { type: 'ready' | 'loadFailed' }>): void {
    switch (message.type) {
      case 'progress':
        return this.#options.onProgress?.(message.share)
      case 'heartbeat':
        if (message.silentMs > this.#options.stallTimeoutMs) this.#kill('stall')
        return
      case 'events':
        for (const item of message.items) this.#tell(item)
        return
      case 'reply':
      case 'failure': {
        const call = this.#calls.get(message.call)
        this.#calls.delete(message.call)
        if (message.type === 'reply') call?.resolve(message.reply)
        else call?.reject(fromPlainError(message.error))
        return
      }
      default:
        message satisfies never
        this.#said.push(`it says what nobody knows: ${JSON.stringify(message).slice(0, 200)}`)
        this.#kill('message')
    }
  }

  #tell(item: HostItem): void {
    const listener = this.#listeners.get(item.id)
    if ('error' in item || item.event.type === 'finish') this.#listeners.delete(item.id)
    if ('error' in item) listener?.onError(fromPlainError(item.error))
    else listener?.onEvent(item.event)
  }

  async ask<N extends HostCall>(type: N, message: HostCalls[N]['message']): Promise<HostCalls[N]['reply']> {
    if (this.#state !== 'ready') throw diedError('it is not running')
    const call = ++this.#lastCall
    const reply = new Promise<unknown>((resolve, reject) => this.#calls.set(call, { resolve, reject }))
    this.#send({ type, call, message } as ToHost)
    return (await reply) as HostCalls[N]['reply']
  }

  #send(message: ToHost): void {
    // A channel that has just closed is told by `exit`.
    if (this.#child?.connected) this.#child.send(message, () => undefined)
  }

  /** A process that hangs as a whole sends no heartbeat either. */
  #watch(): void {
    const { stallTimeoutMs, startTimeoutMs = Math.max(stallTimeoutMs, usualStartMs) } = this.#options
    const patience = { ready: stallTimeoutMs, restarting: startTimeoutMs, loading: Infinity, closed: Infinity }
    if (performance.now() - this.#heardAt > patience[this.#state]) this.#kill('stall')
  }

  #kill(reason: string): void {
    this.#killedFor = reason
    this.#child?.kill('SIGKILL')
  }

  #die(reason: string, how: string, error: EngineError): void {
    const wasReady = this.#readyAt > 0
    const listeners = [...this.#listeners.values()]
    const calls = [...this.#calls.values()]
    this.#listeners.clear()
    this.#calls.clear()
    if (this.#state !== 'closed' && wasReady) {
      if (this.#state === 'ready' && performance.now() - this.#readyAt > healthyAfterMs) this.#delayMs = 0
      this.#setState('restarting')
      this.#options.onDeath?.(reason, how, this.#said.join('\n'))
      this.#scheduleRestart()
    }
    for (const { reject } of calls) reject(error)
    for (const listener of listeners) listener.onError(error)
  }

  #scheduleRestart(): void {
    this.#retry = setTimeout(() => {
      // An end of this one comes back here by `exit`; a model that can no longer be loaded is tried again.
      this.#spawn().then(
        (facts) => (this.#facts = facts),
        () => this.#child?.kill('SIGKILL'),
      )
    }, this.#delayMs)
    this.#delayMs = Math.min(longestDelayMs, Math.max(500, this.#delayMs * 2))
  }

  #setState(state: EngineState): void {
    if (this.#state === 'closed' || this.#state === state) return
    this.#state = state
    this.#options.onState?.(state)
  }
}

function diedError(reason: string): EngineError {
  return new EngineError('engine_died', `the engine process is gone: ${reason}`)
}

export function engineEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => passedOn.test(name)))
}

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null
}

/** Kills it if it has not ended by itself in time. */
function killLate(child: ChildProcess): void {
  if (!isRunning(child)) return
  const late = setTimeout(() => child.kill('SIGKILL'), endPatienceMs)
  child.once('exit', () => clearTimeout(late))
}
