import { EventEmitter } from 'node:events'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { GgufInfo } from '../models/gguf-file.ts'
import type { FromEngine, ToEngine } from './protocol.ts'

/** Stands for the thread: notes what is sent to it, and says what a test lets it say. */
class FakeWorker extends EventEmitter {
  static last: FakeWorker
  readonly sent: ToEngine[] = []
  alive = true

  constructor() {
    super()
    FakeWorker.last = this
  }

  postMessage(message: ToEngine): void {
    this.sent.push(structuredClone(message))
  }

  ref(): void {
    this.alive = true
  }

  unref(): void {
    this.alive = false
  }

  say(message: FromEngine): void {
    this.emit('message', message)
  }
}
vi.mock('node:worker_threads', () => ({ Worker: FakeWorker }))
const { EngineThread } = await import('./engine-thread.ts')
const { Engine } = await import('./engine.ts')
const { Model } = await import('./model.ts')

function listener() {
  const items: unknown[] = []
  return { items, onItem: (item: unknown) => items.push(item), onDeath: (error: Error) => items.push(error) }
}
const request = { prompt: { text: 'Q' } }

beforeEach(() => {
  // The last test's thread ends.
  EngineThread.shared()
  FakeWorker.last.emit('exit', 0)
})

describe('the engine thread', () => {
  test('keeps the process alive exactly while something is under way', async () => {
    const thread = EngineThread.shared()
    const worker = FakeWorker.last
    expect(worker.alive).toBe(false)
    const reply = thread.call('tokenize', { modelId: 1, text: 'a' })
    expect(worker.alive).toBe(true)
    const { call } = worker.sent[0] as { call: number }
    worker.say({ type: 'progress', call, share: 0.5 })
    expect(worker.alive).toBe(true)
    worker.say({ type: 'reply', call, reply: Int32Array.of(7) })
    expect([...(await reply)]).toEqual([7])
    expect(worker.alive).toBe(false)
    const requestId = thread.submit(1, request, listener())
    expect(worker.alive).toBe(true)
    worker.say({
      type: 'events',
      engineId: 1,
      items: [{ requestId, error: { kind: 'input', code: 'x', message: 'y' } }],
    })
    expect(worker.alive).toBe(false)
  })

  test('what is not plain data is refused at once and leaves nothing behind', async () => {
    const thread = EngineThread.shared()
    const worker = FakeWorker.last
    const wrong = { ...request, policyOptions: { sinks: () => 1 } }
    const none = listener()
    expect(() => thread.submit(1, wrong, none)).toThrow(expect.objectContaining({ name: 'DataCloneError' }))
    await expect(thread.call('plan', { modelId: 1, request: wrong })).rejects.toThrow(
      expect.objectContaining({ name: 'DataCloneError' }),
    )
    expect(worker.alive).toBe(false)
    expect(none.items).toEqual([])
  })

  test('failures come back as what they were', async () => {
    const thread = EngineThread.shared()
    const failing = (kind: 'input' | 'engine' | 'bug') => {
      const reply = thread.call('tokenize', { modelId: 1, text: 'a' })
      const { call } = FakeWorker.last.sent.at(-1) as { call: number }
      FakeWorker.last.say({ type: 'failure', call, error: { kind, code: 'some_code', message: 'why' } })
      return reply
    }
    await expect(failing('input')).rejects.toMatchObject({ name: 'InputError', code: 'some_code', message: 'why' })
    await expect(failing('engine')).rejects.toMatchObject({ name: 'EngineError', code: 'some_code', message: 'why' })
    await expect(failing('bug')).rejects.toMatchObject({ name: 'Error', message: 'why' })
  })

  test('when it dies everything under way fails, and so does everything afterwards', async () => {
    const thread = EngineThread.shared()
    const worker = FakeWorker.last
    const heard = listener()
    thread.submit(1, request, heard)
    const call = thread.call('tokenize', { modelId: 1, text: 'a' })
    worker.emit('error', new Error('it broke'))
    worker.emit('exit', 1)
    const died = { name: 'EngineError', code: 'engine_died', message: expect.stringContaining('it broke') as string }
    await expect(call).rejects.toMatchObject(died)
    expect(heard.items).toEqual([expect.objectContaining(died)])
    await expect(thread.call('tokenize', { modelId: 1, text: 'a' })).rejects.toMatchObject(died)
    expect(() => thread.submit(1, request, listener())).toThrow(expect.objectContaining(died))
    await expect(thread.release('closeModel', { modelId: 1 })).resolves.toBeUndefined()
    expect(EngineThread.shared()).not.toBe(thread)
  })

  test('a model whose thread has ended is not mistaken for one that the next thread has', async () => {
    const info = { path: '', keyLength: 64, valueLength: 64, kvHeads: [2] } as unknown as GgufInfo
    const reply = { modelId: 1, release: '', backend: 'cpu', threads: 1 }
    const model = new Model(
      EngineThread.shared(),
      reply,
      { info, predictor: undefined, thinkingTags: info.thinkingTags, template: {} },
      0,
    )
    FakeWorker.last.emit('exit', 1)
    EngineThread.shared()
    const { sent } = FakeWorker.last
    await expect(Engine.create(model)).rejects.toMatchObject({ name: 'EngineError', code: 'engine_died' })
    await expect(model.tokenize('a')).rejects.toMatchObject({ code: 'engine_died' })
    await model.close()
    expect(sent).toEqual([])
  })

  test('only what is under way can be cancelled', () => {
    const thread = EngineThread.shared()
    const worker = FakeWorker.last
    const requestId = thread.submit(4, request, listener())
    thread.tell('cancel', 4, requestId)
    expect(worker.sent.at(-1)).toEqual({ type: 'cancel', engineId: 4, requestId })
    worker.say({ type: 'events', engineId: 4, items: [{ requestId, error: { kind: 'bug', code: '', message: '' } }] })
    const before = worker.sent.length
    thread.tell('cancel', 4, requestId)
    expect(worker.sent).toHaveLength(before)
    expect(worker.alive).toBe(false)
  })
})
