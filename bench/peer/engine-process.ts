/**
 * An engine in a process of its own, as the `peer` scenario sees it: two engines in one process would load llama.cpp twice.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { EngineConfig, EngineReply, RunMessage } from './protocol.ts'

export type EngineName = 'dynts' | 'node-llama-cpp'

export class EngineProcess {
  /** What it is and how it works. */
  readonly description: string
  readonly #child: ChildProcess

  /** Resolves when the model is loaded. */
  static async start(name: EngineName, config: EngineConfig): Promise<EngineProcess> {
    const file = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
    const child = fork(file, [JSON.stringify(config)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    try {
      const reply = await next(child)
      if (reply.type !== 'ready') throw new Error(`${name}: ${reply.type === 'failed' ? reply.message : reply.type}`)
      return new EngineProcess(child, `${reply.version}: ${reply.settings}, ${reply.sampling}`)
    } catch (error) {
      child.kill()
      throw error
    }
  }

  private constructor(child: ChildProcess, description: string) {
    this.#child = child
    this.description = description
  }

  /** Milliseconds per token. */
  async run(message: RunMessage): Promise<number> {
    const reply = next(this.#child)
    this.#child.send(message)
    const answer = await reply
    if (answer.type !== 'done') throw new Error(answer.type === 'failed' ? answer.message : answer.type)
    return answer.ms / message.steps
  }

  close(): void {
    this.#child.kill()
  }
}

function next(child: ChildProcess): Promise<EngineReply> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) => {
      child.off('message', onMessage)
      reject(new Error(`the engine's process ended with code ${code ?? 'none'}`))
    }
    const onMessage = (message: unknown) => {
      child.off('exit', onExit)
      resolve(message as EngineReply)
    }
    child.once('exit', onExit)
    child.once('message', onMessage)
  })
}
