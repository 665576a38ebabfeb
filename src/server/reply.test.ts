import { afterEach, expect, test, vi } from 'vitest'
import { eventStream, slowJson } from './reply.ts'

afterEach(() => vi.useRealTimers())

function life(pingMs: number) {
  const controller = new AbortController()
  const onLeave = vi.fn()
  return { controller, onLeave, reply: { pingMs, headers: {}, signal: controller.signal, onLeave } }
}
const never = new Promise<object>(() => undefined)

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
