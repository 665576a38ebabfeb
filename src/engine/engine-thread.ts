/**
 * The main thread's end of the engine's thread. There is one thread in a process, because llama.cpp's libraries are loaded
 * once; it starts with the first model and does not keep the process alive while it has nothing to do.
 */
import { Worker } from 'node:worker_threads'
import { EngineError } from '../errors.ts'
import {
  fromPlainError,
  type CallName,
  type Calls,
  type EngineItem,
  type FromEngine,
  type ToEngine,
} from './protocol.ts'

interface PendingCall {
  readonly resolve: (reply: unknown) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((share: number) => void) | undefined
}

/** Receives what happens to one request. */
export interface Listener {
  onItem(item: EngineItem): void
  onDeath(error: Error): void
}

export class EngineThread {
  static #shared: EngineThread | undefined
  readonly #worker: Worker
  readonly #calls = new Map<number, PendingCall>()
  readonly #listeners = new Map<number, Listener>()
  #lastId = 0
  /** When the thread last said something, by `performance.now`: while it has work, it does at every step. */
  lastSignAt = performance.now()
  #death: EngineError | undefined

  /** The process's thread; a new one if the last has died. */
  static shared(): EngineThread {
    EngineThread.#shared ??= new EngineThread()
    return EngineThread.#shared
  }

  private constructor() {
    // Options of the program's own start (`--input-type`, loaders, an inspector) are not for the thread.
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] })
    this.#worker.on('message', (message: FromEngine) => this.#receive(message))
    this.#worker.on('error', (error) => this.#die(error))
    this.#worker.on('exit', (code) => this.#die(new Error(`exit code ${code}`)))
    this.#worker.unref()
  }

  async call<N extends CallName>(
    type: N,
    message: Calls[N]['message'],
    onProgress?: (share: number) => void,
  ): Promise<Calls[N]['reply']> {
    const call = ++this.#lastId
    this.#post({ type, call, message } as ToEngine)
    const reply = new Promise<unknown>((resolve, reject) => this.#calls.set(call, { resolve, reject, onProgress }))
    return (await reply) as Calls[N]['reply']
  }

  /** Lets the thread free something; where it has ended, there is nothing left to free. */
  async release<N extends 'closeEngine' | 'closeModel'>(type: N, message: Calls[N]['message']): Promise<void> {
    if (!this.#death) await this.call(type, message)
  }

  /**
   * Sends a request to an engine; returns the id by which it can be cancelled.
   * @throws EngineError `engine_died`; DataCloneError for a request that is not plain data
   */
  submit(engineId: number, request: Extract<ToEngine, { type: 'submit' }>['request'], listener: Listener): number {
    const requestId = ++this.#lastId
    this.#post({ type: 'submit', engineId, requestId, request })
    this.#listeners.set(requestId, listener)
    return requestId
  }

  /** `endThinking`: closes the thinking, if there is one under way. */
  tell(type: 'cancel' | 'endThinking', engineId: number, requestId: number): void {
    if (this.#listeners.has(requestId)) this.#post({ type, engineId, requestId })
  }

  #post(message: ToEngine): void {
    if (this.#death) throw this.#death
    this.#worker.postMessage(message)
    this.#worker.ref()
  }

  #receive(message: FromEngine): void {
    this.lastSignAt = performance.now()
    if (message.type === 'events') {
      for (const item of message.items) {
        const listener = this.#listeners.get(item.requestId)
        if ('error' in item || item.event.type === 'finish') this.#listeners.delete(item.requestId)
        listener?.onItem(item)
      }
    } else {
      const call = this.#calls.get(message.call)
      if (message.type === 'progress') {
        call?.onProgress?.(message.share)
        return
      }
      this.#calls.delete(message.call)
      if (message.type === 'reply') call?.resolve(message.reply)
      else call?.reject(fromPlainError(message.error))
    }
    if (this.#calls.size === 0 && this.#listeners.size === 0) this.#worker.unref()
  }

  #die(cause: Error): void {
    if (EngineThread.#shared === this) EngineThread.#shared = undefined
    // The thread's exit follows its error; the error says more.
    const error = (this.#death ??= new EngineError('engine_died', `the engine's thread ended: ${cause.message}`, {
      cause,
    }))
    for (const { reject } of this.#calls.values()) reject(error)
    for (const listener of this.#listeners.values()) listener.onDeath(error)
    this.#calls.clear()
    this.#listeners.clear()
  }
}
