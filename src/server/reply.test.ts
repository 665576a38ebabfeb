import { afterEach, describe, expect, test, vi } from 'vitest'
import { mergeChunk } from './chat/merge-chunk.ts'
import type { StreamWriter } from './event-writer.ts'
import { eventStream, slowJson, soon } from './reply.ts'

afterEach(() => vi.useRealTimers())

function life(pingMs: number) {
  const controller = new AbortController()
  const onLeave = vi.fn()
  return { controller, onLeave, reply: { pingMs, headers: {}, signal: controller.signal, onLeave } }
}
const never = new Promise<object>(() => undefined)

test('nobody waits for longer than a silence may be; without limits, until it comes', async () => {
  const late = () => new Promise<number>((resolve) => setTimeout(() => resolve(1), 50))
  expect(await Promise.all([soon(late(), 10), soon(late(), 1000), soon(late(), 0)])).toEqual([undefined, 1, 1])
})

test('an answer that is there soon is plain JSON', async () => {
  const response = await slowJson(Promise.resolve({ a: 1 }), life(1000).reply)
  expect([response.status, await response.text()]).toEqual([200, '{"a":1}'])
})

test('a late one has a line break for each silence before it, and a late failure is told in the body', async () => {
  const late = new Promise<object>((resolve) => setTimeout(() => resolve({ a: 1 }), 50))
  expect(await (await slowJson(late, life(20).reply)).text()).toMatch(/^\n+\{"a":1\}$/)
  const failing = new Promise<object>((_, reject) => setTimeout(() => reject(new Error('no')), 50))
  const response = await slowJson(failing, life(20).reply)
  expect([response.status, JSON.parse(await response.text())]).toMatchObject([
    200,
    { error: { code: 'internal_error' } },
  ])
})

test.each([0, 1000])('who leaves before an answer is not waited for (ping %d)', async (pingMs) => {
  const { controller, onLeave, reply } = life(pingMs)
  const response = slowJson(never, reply)
  controller.abort()
  await expect(response).rejects.toMatchObject({ code: 'cancelled' })
  expect(onLeave).toHaveBeenCalledOnce()
})

test('who leaves a stream leaves no timer behind, whether it was begun or not', () => {
  vi.useFakeTimers()
  const begun = life(1000)
  eventStream((writer) => writer.write({ a: 1 }), begun.reply)
  begun.controller.abort()
  const before = life(1000)
  before.controller.abort()
  eventStream((writer) => writer.write({ a: 1 }), before.reply)
  expect([begun.onLeave, before.onLeave].map((leave) => leave.mock.calls.length)).toEqual([1, 1])
  expect(vi.getTimerCount()).toBe(0)
})

describe('a client that reads slowly', () => {
  const piece = (text: string) => ({ id: 'a', choices: [{ index: 0, delta: { content: text }, finish_reason: null }] })

  /** A stream to which `write` is given, and which nobody reads yet. */
  function unread(merges = true) {
    let writer: StreamWriter | undefined
    const { reply, onLeave } = life(1000)
    const response = eventStream((given) => (writer = given), reply, merges ? { mergeInto: mergeChunk } : {})
    return { writer: writer!, response, onLeave }
  }
  const eventsOf = async (response: Response) => (await response.text()).split('\n\n').slice(0, -1)
  const textOf = (event: string) =>
    (JSON.parse(event.slice('data: '.length)) as ReturnType<typeof piece>).choices[0]!.delta.content

  test('gets fewer, longer pieces, and the same text', async () => {
    const { writer, response } = unread()
    const words = Array.from({ length: 20_000 }, (_, i) => ` ${i}`)
    for (const word of words) writer.write(piece(word))
    writer.done()
    const events = await eventsOf(response)
    expect(events.at(-1)).toBe('data: [DONE]')
    expect(events.slice(0, -1).map(textOf).join('')).toBe(words.join(''))
    // 64 KiB of single pieces, and one with the rest.
    expect(events.length).toBeLessThan(1500)
    const atOnce = unread(false)
    for (const word of words) atOnce.writer.write(piece(word))
    atOnce.writer.done()
    expect(await eventsOf(atOnce.response)).toHaveLength(20_001)
  })

  test('gets single pieces again once it keeps up', async () => {
    const { writer, response } = unread()
    for (let i = 0; i < 5000; i++) writer.write(piece('x'))
    const reader = response.body!.getReader()
    const texts: string[] = []
    const decoder = new TextDecoder()
    const read = async () => texts.push(decoder.decode((await reader.read()).value as Uint8Array))
    while (texts.join('').split('"content":"').length < 100) await read()
    for (let i = 0; i < 10_000 && !texts.at(-1)!.includes('xxxx'); i++) await read()
    for (const word of ['a', 'b']) {
      writer.write(piece(word))
      await read()
      expect(texts.at(-1)).toBe(`data: ${JSON.stringify(piece(word))}\n\n`)
    }
  })

  test('what cannot be joined waits for a minute, up to a limit, whether the stream has ended or not', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    for (const ends of [false, true]) {
      const { writer, onLeave, response } = unread(false)
      const words = Array.from({ length: 2000 }, () => piece('x'.repeat(1000)))
      for (const word of words) writer.write(word)
      if (ends) writer.done()
      vi.advanceTimersByTime(60_000)
      expect(vi.getTimerCount()).toBe(1)
      vi.advanceTimersByTime(10_000)
      expect(vi.getTimerCount()).toBe(0)
      expect(onLeave).toHaveBeenCalledTimes(ends ? 0 : 1)
      await expect(response.text()).rejects.toThrow('does not read')
    }
  })
})
