/** An engine whose states, replies and events a test gives. */
import { EngineError } from '../errors.ts'
import type { GenerateRequest, GenerateResult } from '../engine/types.ts'
import type { HostCall, HostCalls } from './engine-messages.ts'
import type { EngineBackend, EngineState, GenerationListener } from './engine-process.ts'

export class ScriptedEngine implements EngineBackend {
  state: EngineState = 'ready'
  readonly running = new Map<string, GenerationListener>()
  readonly cancelled: string[] = []
  readonly ended: string[] = []
  readonly asked: string[] = []
  dieOver = 0
  /** To each call, or an error. */
  readonly replies: { [N in HostCall]?: HostCalls[N]['reply'] | Error } = {}

  ask<N extends HostCall>(type: N): Promise<HostCalls[N]['reply']> {
    this.asked.push(type)
    if (this.dieOver-- > 0) return Promise.reject(died())
    const reply = this.replies[type]
    return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply as HostCalls[N]['reply'])
  }

  submit(id: string, _request: GenerateRequest, listener: GenerationListener): void {
    this.running.set(id, listener)
  }

  cancel(id: string): void {
    this.cancelled.push(id)
  }

  endThinking(id: string): void {
    this.ended.push(id)
  }

  finish(id: string): void {
    const listener = this.running.get(id)
    this.running.delete(id)
    listener?.onEvent({ type: 'finish', result: { finishReason: 'stop' } as GenerateResult })
  }

  die(): void {
    this.state = 'restarting'
    const listeners = [...this.running.values()]
    this.running.clear()
    for (const listener of listeners) listener.onError(died())
  }
}

function died(): EngineError {
  return new EngineError('engine_died', 'it is gone')
}
