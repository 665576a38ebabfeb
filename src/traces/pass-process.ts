/**
 * The teacher-forced pass in a process of its own. A chunk of a large model takes C up to minutes, in which a thread can be
 * neither asked nor ended; a process can be killed.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fromPlainError, type PlainError } from '../engine/protocol.ts'
import { EngineError } from '../errors.ts'
import type { GpuChoice } from '../llama/index.ts'
import type { PassOptions, TracePhases } from './importance-pass.ts'
import type { ImportanceArrays } from './importance-record.ts'

/** The model to load and the context to make for it. */
export interface PassSettings extends Omit<PassOptions, 'chunkBytes'> {
  /** The GGUF. */
  readonly path: string
  readonly gpu?: GpuChoice | undefined
  readonly gpuLayers?: number | undefined
}

/** What the process is asked for, one thing at a time; `open` comes first. */
export type ToPass =
  | { readonly type: 'open'; readonly settings: PassSettings }
  | { readonly type: 'run'; readonly trace: TracePhases; readonly sampled: Int32Array }
  | { readonly type: 'time'; readonly tokens: readonly number[] }

export type FromPass =
  /** Share of the weights that are read, or tokens of the trace that are consumed. */
  | { readonly type: 'progress'; readonly done: number }
  | { readonly type: 'opened' }
  | { readonly type: 'measured'; readonly arrays: ImportanceArrays }
  | { readonly type: 'timed'; readonly seconds: number }
  | { readonly type: 'failure'; readonly error: PlainError }

export interface PassProcessOptions {
  /** Kills the process, wherever it is. */
  readonly signal?: AbortSignal | undefined
  /** Share of the weights that are read, 0..1. */
  readonly onLoading?: ((share: number) => void) | undefined
  /** For tests: what runs in place of the pass. */
  readonly program?: URL | undefined
}

interface Pending {
  readonly resolve: (reply: FromPass) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((done: number) => void) | undefined
}

export class PassProcess implements Disposable {
  readonly #child: ChildProcess
  #pending: Pending | undefined
  #death: Error | undefined

  /**
   * Starts the process and loads the model.
   * @throws what loading a model and `ImportancePass.create` throw; EngineError `engine_died`; the signal's reason
   */
  static async open(settings: PassSettings, options: PassProcessOptions = {}): Promise<PassProcess> {
    options.signal?.throwIfAborted()
    const pass = new PassProcess(options)
    try {
      await pass.#ask({ type: 'open', settings }, options.onLoading)
      return pass
    } catch (error) {
      pass.dispose()
      throw error
    }
  }

  private constructor({ signal, program = new URL('./pass-program.js', import.meta.url) }: PassProcessOptions) {
    this.#child = fork(program, {
      // Options of the program's own start (`--input-type`, loaders, an inspector) are not for this process.
      execArgv: [],
      serialization: 'advanced',
      // Standard output is the command's; what C says before it aborts is for the user.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      killSignal: 'SIGKILL',
      ...(signal ? { signal } : {}),
    })
    this.#child.on('message', (message: FromPass) => this.#receive(message))
    this.#child.on('error', (error) =>
      this.#die((signal?.aborted === true && asError(signal.reason)) || died(error.message)),
    )
    this.#child.on('exit', (code, by) => this.#die(died(by === null ? `exit code ${code}` : `signal ${by}`)))
  }

  /**
   * Runs one trace.
   * @param sampled as `ImportancePass.run` takes it
   * @param onProgress called after each chunk with how many of the trace's tokens have been consumed
   * @throws what `ImportancePass.run` throws; EngineError `engine_died`; the signal's reason
   */
  async run(trace: TracePhases, sampled: Int32Array, onProgress: (tokens: number) => void): Promise<ImportanceArrays> {
    const { tokens, promptTokens, thinkStart, thinkEnd, answerStart } = trace
    const phases = { tokens, promptTokens, thinkStart, thinkEnd, answerStart }
    const reply = await this.#ask({ type: 'run', trace: phases, sampled }, onProgress)
    if (reply.type !== 'measured') throw new Error(`the pass answered ${reply.type}`)
    return reply.arrays
  }

  /** As `ImportancePass.stepSeconds`. @throws as `run` */
  async stepSeconds(tokens: readonly number[]): Promise<number> {
    const reply = await this.#ask({ type: 'time', tokens }, undefined)
    if (reply.type !== 'timed') throw new Error(`the pass answered ${reply.type}`)
    return reply.seconds
  }

  /** Kills the process: it holds nothing that could be lost. */
  dispose(): void {
    this.#child.kill('SIGKILL')
    if (this.#child.connected) this.#child.disconnect()
    this.#child.unref()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  async #ask(message: ToPass, onProgress: Pending['onProgress']): Promise<FromPass> {
    if (this.#death) throw this.#death
    return await new Promise<FromPass>((resolve, reject) => {
      this.#pending = { resolve, reject, onProgress }
      // A process that is gone is told by its exit.
      this.#child.send(message, () => undefined)
    })
  }

  #receive(message: FromPass): void {
    if (message.type === 'progress') {
      this.#pending?.onProgress?.(message.done)
      return
    }
    const pending = this.#pending
    this.#pending = undefined
    if (message.type === 'failure') pending?.reject(fromPlainError(message.error))
    else pending?.resolve(message)
  }

  #die(error: Error): void {
    this.#death ??= error
    this.#pending?.reject(this.#death)
    this.#pending = undefined
  }
}

function died(how: string): EngineError {
  const advice =
    'If the system ended it, memory did not suffice. What is finished is kept; the same command goes on from there.'
  return new EngineError('engine_died', `the process that runs the model ended: ${how}. ${advice}`)
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason))
}
