/**
 * What the grader makes of its thread's answers, with a thread that says what the test wants.
 */
import type { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Grader } from './grader.ts'

const threads = vi.hoisted((): EventEmitter[] => [])
vi.mock('node:worker_threads', async () => {
  const { EventEmitter } = await import('node:events')
  class Worker extends EventEmitter {
    constructor() {
      super()
      threads.push(this)
    }
    ref = () => undefined
    unref = () => undefined
    postMessage = () => undefined
    terminate = () => Promise.resolve(0)
  }
  return { Worker }
})

beforeEach(() => {
  threads.length = 0
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A comparison that the thread has begun. */
function begun() {
  const grader = new Grader({ timeoutMs: 100 })
  const verdict = grader.grade('x+x', '2x')
  return Promise.resolve().then(() => {
    threads[0]!.emit('message', 'ready')
    return { grader, verdict: verdict.catch((error: unknown) => error) }
  })
}

test('a verdict that was there in time counts, even if this thread hears of it too late', async () => {
  const { verdict } = await begun()
  vi.advanceTimersByTime(100)
  threads[0]!.emit('message', { same: true })
  expect(await verdict).toEqual({ right: true, how: 'symbolic' })
})

test('without a verdict the comparison is given up, and the thread with it', async () => {
  const { grader, verdict } = await begun()
  vi.advanceTimersByTime(100)
  expect(await verdict).toEqual({ right: false, how: 'timed out' })
  const next = grader.grade('y+y', '2y')
  await Promise.resolve()
  expect(threads).toHaveLength(2)
  threads[1]!.emit('message', 'ready')
  threads[1]!.emit('message', { same: true })
  expect(await next).toMatchObject({ how: 'symbolic' })
})

test('a thread that dies of a comparison is replaced; one that cannot start is an error', async () => {
  const { grader, verdict } = await begun()
  threads[0]!.emit('error', new Error('out of memory'))
  expect(await verdict).toEqual({ right: false, how: 'timed out' })
  const next = grader.grade('y+y', '2y')
  await Promise.resolve()
  threads[1]!.emit('exit', 1)
  await expect(next).rejects.toMatchObject({ code: 'grader_failed' })
})
