import { afterEach, describe, expect, test, vi } from 'vitest'
import type { GenerateEvent } from '../engine/types.ts'
import { ScriptedEngine } from './scripted-engine.fake.ts'
import type { Job, JobEnd } from './job.ts'
import { GenerationService } from './service.ts'

const token: GenerateEvent = { type: 'token', token: 1, position: 1, phase: 'thinking', text: 'a', cells: 2 }

function started({
  slots = 1,
  mostWaiting = 8,
  queueTimeoutMs = 60_000,
  requestTimeoutMs = undefined as number | undefined,
} = {}) {
  const engine = new ScriptedEngine()
  engine.replies.tokenize = Int32Array.of(5)
  const ends: JobEnd[] = []
  const service = new GenerationService(
    engine,
    { slots, mostWaiting, queueTimeoutMs, requestTimeoutMs },
    { onEnd: (end) => ends.push(end) },
  )
  const told: Record<string, string[]> = {}
  const queued: Record<string, number[]> = {}
  /** It waits for `settle`. */
  const enqueue = (id: string, mayRestart = true) => {
    const said = (told[id] ??= [])
    const listener = {
      onEvent: (event: GenerateEvent) => void said.push(event.type),
      onError: ({ code }: { code: string }) => void said.push(code),
      onRestart: () => mayRestart,
      onQueued: (position: number) => void (queued[id] ??= []).push(position),
    }
    return service.submit('client', [{ id, listener }])[0]!
  }
  const settle = (job: Job) => service.settle([job], [{ prompt: { text: 'a' } }])
  const submit = (id: string, mayRestart = true) => {
    const job = enqueue(id, mayRestart)
    settle(job)
    return job
  }
  return { engine, service, enqueue, settle, submit, told, queued, ends }
}

describe('GenerationService', () => {
  afterEach(() => vi.useRealTimers())

  test('fills the slots, and the next waits until one is free', () => {
    const { engine, service, submit, told } = started({ slots: 2 })
    for (const id of ['a', 'b', 'c']) submit(id)
    expect([[...engine.running.keys()], service.waiting.map(({ id }) => id)]).toEqual([['a', 'b'], ['c']])
    engine.finish('a')
    expect([...engine.running.keys()]).toEqual(['b', 'c'])
    expect(told['a']).toEqual(['finish'])
    expect(service.slots.map((job) => job?.id)).toEqual(['c', 'b'])
  })

  test('what the engine died over begins anew once, and is not tried a third time', () => {
    const { engine, service, submit, told } = started()
    submit('a')
    engine.running.get('a')!.onEvent(token)
    engine.die()
    expect([told['a'], engine.running.size]).toEqual([['token'], 0])
    engine.state = 'ready'
    service.dispatch()
    expect([...engine.running.keys()]).toEqual(['a'])
    engine.die()
    expect(told['a']).toEqual(['token', 'engine_died'])
    engine.state = 'ready'
    service.dispatch()
    expect(engine.running.size).toBe(0)
  })

  test('what a client has seen a part of does not begin anew', () => {
    const { engine, submit, told } = started()
    submit('a', false)
    engine.die()
    expect(told['a']).toEqual(['engine_died'])
  })

  test('a cancelled generation has its slot until the engine has let go, and nothing more is told of it', () => {
    const { engine, service, submit, told, ends } = started()
    const job = submit('a')
    submit('b')
    service.cancel(job, true)
    service.cancel(job, true)
    expect([engine.cancelled, [...engine.running.keys()]]).toEqual([['a'], ['a']])
    engine.finish('a')
    expect([told['a'], [...engine.running.keys()]]).toEqual([[], ['b']])
    expect(ends.map(({ error }) => error?.code)).toEqual(['cancelled'])
  })

  test('one that waits and is cancelled leaves the queue at once', () => {
    const { service, submit } = started()
    submit('a')
    service.cancel(submit('b'), true)
    expect(service.waiting).toEqual([])
  })

  test('a completion is cancelled by its id and its client, whether it runs or waits', () => {
    const { engine, service, enqueue, submit, told } = started()
    for (const id of ['c-0', 'c-1']) submit(id)
    enqueue('d')
    for (const id of ['c-2', 'c', 'e']) expect(service.cancelCompletion('other', id)).toBe(false)
    expect(service.cancelCompletion('client', 'd')).toBe(true)
    expect([told['d'], service.waiting.map(({ id }) => id)]).toEqual([['cancelled'], ['c-1']])
    expect(service.cancelCompletion('client', 'c')).toBe(true)
    // What runs has a result, so what waits beside it gets one, too.
    expect([engine.cancelled, told['c-1'], service.waiting]).toEqual([['c-0', 'c-1'], [], []])
    for (const id of ['c-0', 'c-1']) engine.finish(id)
    expect([told['c-0'], told['c-1'], service.slots]).toEqual([['finish'], ['finish'], [undefined]])
    expect(['c', 'd'].map((id) => service.cancelCompletion('client', id))).toEqual([false, false])
  })

  test('what was cancelled by its id does not begin anew when the engine dies', () => {
    const { engine, service, submit, told } = started()
    for (const id of ['c-0', 'c-1']) submit(id)
    service.cancelCompletion('client', 'c')
    engine.die()
    engine.state = 'ready'
    service.dispatch()
    expect([told['c-0'], told['c-1'], engine.running.size]).toEqual([['engine_died'], ['engine_died'], 0])
  })

  test('the times of one that begins anew are those of its last run', () => {
    vi.useFakeTimers()
    const { engine, service, submit, ends } = started()
    submit('a')
    vi.advanceTimersByTime(5000)
    engine.running.get('a')!.onEvent(token)
    engine.die()
    vi.advanceTimersByTime(2000)
    engine.state = 'ready'
    service.dispatch()
    vi.advanceTimersByTime(1000)
    engine.running.get('a')!.onEvent(token)
    engine.finish('a')
    const { enqueuedAt, startedAt = NaN, firstTokenAt = NaN, arrivedAt } = ends[0]!.job
    expect([startedAt - enqueuedAt, firstTokenAt - startedAt, firstTokenAt - arrivedAt]).toEqual([2000, 1000, 8000])
  })

  test('the thinking of what runs is ended, and of nothing else', () => {
    const { engine, service, submit } = started()
    for (const id of ['a', 'b']) submit(id)
    expect(['a', 'b'].map((id) => service.endThinking('client', id))).toEqual([true, false])
    engine.running.get('a')!.onEvent({ ...token, phase: 'answer' })
    expect([service.endThinking('client', 'a'), engine.ended]).toEqual([false, ['a']])
  })

  test('who waits too long is told so; who runs is not', () => {
    vi.useFakeTimers()
    const { submit, told } = started({ queueTimeoutMs: 1000 })
    submit('a')
    submit('b')
    vi.advanceTimersByTime(1001)
    expect([told['a'], told['b']]).toEqual([[], ['queue_timeout']])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one that the engine died over waits no longer than others', () => {
    vi.useFakeTimers()
    const { engine, submit, told } = started({ queueTimeoutMs: 1000 })
    submit('a')
    vi.advanceTimersByTime(5000)
    engine.die()
    vi.advanceTimersByTime(999)
    expect(told['a']).toEqual([])
    vi.advanceTimersByTime(2)
    expect(told['a']).toEqual(['queue_timeout'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('one whose request is not settled yet has its place in the queue, and its time to wait', () => {
    vi.useFakeTimers()
    const { engine, service, enqueue, settle, submit, told, queued } = started({ mostWaiting: 2, queueTimeoutMs: 1000 })
    engine.state = 'restarting'
    const early = enqueue('a')
    expect(() => [enqueue('b'), enqueue('c'), enqueue('d')]).toThrow(expect.objectContaining({ code: 'queue_full' }))
    engine.state = 'ready'
    service.dispatch()
    expect([engine.running.size, service.waiting.map(({ id }) => id), queued]).toEqual([0, ['a', 'b', 'c'], {}])
    settle(early)
    expect([[...engine.running.keys()], queued]).toEqual([['a'], {}])
    vi.advanceTimersByTime(1001)
    expect([told['a'], told['b'], told['c']]).toEqual([[], ['queue_timeout'], ['queue_timeout']])
    submit('e')
    expect(queued).toEqual({ e: [0] })
  })

  test('what comes to nothing before it is settled leaves the queue, and is no generation', () => {
    vi.useFakeTimers()
    const { service, enqueue, told, ends } = started()
    service.withdraw([enqueue('a')])
    expect([service.waiting, told['a'], ends, vi.getTimerCount()]).toEqual([[], [], [], 0])
  })

  test('one that runs too long ends as at its most tokens, with what came by then', () => {
    vi.useFakeTimers()
    const { engine, submit, ends } = started({ requestTimeoutMs: 1000 })
    submit('a')
    vi.advanceTimersByTime(999)
    expect(engine.cancelled).toEqual([])
    vi.advanceTimersByTime(2)
    expect(engine.cancelled).toEqual(['a'])
    engine.finish('a')
    expect(ends.map(({ result }) => result?.finishReason)).toEqual(['length'])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('how much of a prompt was copied is known while it is read, and of a new beginning not yet', () => {
    const { engine, service, submit } = started()
    const job = submit('a')
    engine.running.get('a')!.onEvent({ type: 'prompt', total: 9, cached: 5, processed: 7, ms: 1 })
    expect(job.cachedTokens).toBe(5)
    engine.die()
    expect(job.cachedTokens).toBe(0)
    expect(service.waiting).toEqual([job])
  })

  test('who waits is told the place in the queue, whenever it changes', () => {
    const { engine, submit, queued } = started()
    for (const id of ['a', 'b', 'c']) submit(id)
    expect(queued).toEqual({ b: [0], c: [1] })
    engine.finish('a')
    expect(queued).toEqual({ b: [0], c: [1, 0] })
  })

  test('a question that the engine died over is asked again, once', async () => {
    const { engine, service } = started()
    engine.dieOver = 1
    await expect(service.ask('tokenize', { text: 'a' })).resolves.toEqual(Int32Array.of(5))
    engine.dieOver = 2
    await expect(service.ask('tokenize', { text: 'a' })).rejects.toMatchObject({ status: 503, code: 'engine_died' })
  })

  test('a question waits for an engine that is started again as long as it is wanted, and for a while by itself', async () => {
    const { engine, service } = started({ queueTimeoutMs: 100 })
    engine.state = 'restarting'
    const controller = new AbortController()
    const onWait = vi.fn()
    const wanted = service.ask('tokenize', { text: 'a' }, { signal: controller.signal, onWait })
    expect(onWait).toHaveBeenCalledOnce()
    const given = service.ask('tokenize', { text: 'a' }, { signal: AbortSignal.abort() })
    await expect(given).rejects.toMatchObject({ status: 503, code: 'engine_restarting' })
    await expect(service.ask('tokenize', { text: 'a' })).rejects.toMatchObject({ code: 'engine_restarting' })
    engine.state = 'ready'
    await expect(wanted).resolves.toEqual(Int32Array.of(5))
    await service.ask('tokenize', { text: 'a' }, { signal: controller.signal, onWait })
    expect(onWait).toHaveBeenCalledOnce()
  })

  test('nothing is taken before the model is loaded', async () => {
    const { engine, service, enqueue } = started()
    engine.state = 'loading'
    expect(() => enqueue('a')).toThrow(expect.objectContaining({ status: 503, code: 'loading' }))
    await expect(service.ask('tokenize', { text: 'a' })).rejects.toMatchObject({ code: 'loading' })
  })

  test('before it stops it refuses what waits and what comes, and lets end what runs', async () => {
    const { engine, service, submit, told } = started()
    submit('a')
    submit('b')
    const drained = service.drain(10_000)
    expect(told['b']).toEqual(['draining'])
    expect(() => submit('c')).toThrow(expect.objectContaining({ code: 'draining' }))
    engine.finish('a')
    await drained
    expect(told['a']).toEqual(['finish'])
  })

  test('what still runs when the time to stop is up ends with an error, and the engine lets go of it', async () => {
    const { engine, service, submit, told } = started()
    submit('a')
    await service.drain(30)
    expect([told['a'], engine.cancelled]).toEqual([['draining'], ['a']])
  })
})
