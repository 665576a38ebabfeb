/**
 * The engine process: one model and one engine, driven by messages from the HTTP process that forked it. It ends when that process is
 * gone. A Ctrl-C in a terminal reaches it as well, and is left to the parent.
 */
import { Engine } from '../engine/engine.ts'
import { EngineThread } from '../engine/engine-thread.ts'
import type { Generation } from '../engine/generation.ts'
import { loadModel, type Model } from '../engine/model.ts'
import { toPlainError } from '../engine/protocol.ts'
import type { GenerateRequest } from '../engine/types.ts'
import type { EngineFacts, FromHost, HostItem, HostOptions, ToHost } from './engine-messages.ts'
import { EngineWork } from './engine-work.ts'

const heartbeatMs = 250

let model: Model | undefined
let engine: Engine | undefined
const running = new Map<string, Generation>()
const work = new EngineWork()

function send(message: FromHost): void {
  // The channel may close between the check and the message: then this process ends by `disconnect`.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

/** What happened since the last message; it leaves once all that came from the engine's thread at once is there. */
let untold: HostItem[] = []

function tell(item: HostItem): void {
  untold.push(item)
  if (untold.length > 1) return
  setImmediate(() => {
    send({ type: 'events', items: untold })
    untold = []
  })
}

async function load(asked: HostOptions): Promise<void> {
  const { model: reference, kvType, slots, cells, attention, promptStateBytes, ...options } = asked
  const bytesBefore = process.memoryUsage.rss()
  try {
    const loaded = await loadModel(reference, { ...options, onProgress: (share) => send({ type: 'progress', share }) })
    model = loaded
    engine = await Engine.create(loaded, { cells, sequences: slots, kvType, attention, promptStateBytes })
    const grownBytes = process.memoryUsage.rss() - bytesBefore
    send({ type: 'ready', facts: { ...factsOf(loaded, engine), grownBytes } })
  } catch (error) {
    send({ type: 'loadFailed', error: toPlainError(error) })
  }
}

function factsOf(
  { backend, threads, release, notEvictable, gpuProblem }: Model,
  opened: Engine,
): Omit<EngineFacts, 'grownBytes'> {
  const { cells, bytesPerCell, cacheBytes } = opened
  return { cells, bytesPerCell, cacheBytes, backend, threads, release, notEvictable, gpuProblem }
}

async function generate(id: string, request: GenerateRequest): Promise<void> {
  work.begin()
  try {
    if (!engine) throw new Error('nothing is loaded')
    const generation = engine.generate(request)
    running.set(id, generation)
    for await (const event of generation) tell({ id, event })
  } catch (error) {
    tell({ id, error: toPlainError(error) })
  } finally {
    running.delete(id)
    work.end()
  }
}

async function answer(call: number, compute: (loaded: Model) => Promise<unknown>): Promise<void> {
  work.begin()
  try {
    if (!model) throw new Error('nothing is loaded')
    send({ type: 'reply', call, reply: await compute(model) })
  } catch (error) {
    send({ type: 'failure', call, error: toPlainError(error) })
  } finally {
    work.end()
  }
}

function receive(message: ToHost): void {
  switch (message.type) {
    case 'load':
      return void load(message.options)
    case 'submit':
      return void generate(message.id, message.request)
    case 'cancel':
      return running.get(message.id)?.cancel()
    case 'endThinking':
      return running.get(message.id)?.endThinking()
    case 'plan':
      return void answer(message.call, (loaded) => loaded.plan(message.message))
    case 'tokenize':
      return void answer(message.call, (loaded) => loaded.tokenize(message.message.text, message.message))
    case 'detokenize':
      return void answer(message.call, (loaded) => loaded.detokenize(message.message))
    case 'tokenBytes':
      return void answer(message.call, (loaded) => loaded.tokenBytes(message.message))
    case 'render':
      return void answer(message.call, (loaded) => loaded.render(message.message))
    case 'close':
      endAtOnce()
      return
    default:
      message satisfies never
      throw new Error(`there is no such message: ${JSON.stringify(message).slice(0, 200)}`)
  }
}

/** An exit would wait for the engine's thread, which may be in the midst of a long step. The operating system frees what llama.cpp holds. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL')
}

setInterval(() => {
  send({ type: 'heartbeat', silentMs: work.silentMs(EngineThread.shared().lastSignAt) })
}, heartbeatMs)
process.on('message', receive)
process.on('disconnect', endAtOnce)
// It may have gone while this process was starting.
if (!process.connected) endAtOnce()
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
