import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { streamBytes, type StreamSource } from './stream-bytes.ts'

class Failure extends Error {
  readonly status: number
  constructor(status: number) {
    super(`${status}`)
    this.status = status
  }
}

const isStatus = (status: number) => (error: unknown) => error instanceof Failure && error.status === status
const whole = Uint8Array.from({ length: 1000 }, (_, i) => i % 251)

/** A body that gives bytes and then ends, breaks, or says nothing more. */
function bodyOf(bytes: Uint8Array, end: 'ends' | 'breaks' | 'hangs', signal: AbortSignal): Response {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      signal.addEventListener('abort', () => controller.error(signal.reason))
      if (bytes.length > 0) controller.enqueue(bytes)
    },
    pull(controller) {
      if (end === 'ends') controller.close()
      if (end === 'breaks') controller.error(new TypeError('network error'))
    },
  })
  return new Response(stream)
}

function sourceOf(given: Pick<StreamSource, 'begin' | 'resume'>) {
  const wakers = new Set<() => void>()
  const connected: boolean[] = []
  const source: StreamSource = {
    ...given,
    mayPass: isStatus(0),
    isUnknown: isStatus(404),
    onWake: (wake) => {
      wakers.add(wake)
      return () => wakers.delete(wake)
    },
    onConnected: (isConnected) => connected.push(isConnected),
  }
  return { source, connected, wakers, wake: () => wakers.forEach((wake) => wake()) }
}

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }),
)
afterEach(() => void vi.useRealTimers())

/** Reads up to so many bytes. */
async function read(source: StreamSource, count: number, signal = new AbortController().signal): Promise<number[]> {
  const seen: number[] = []
  for await (const bytes of streamBytes(source, signal)) {
    seen.push(...bytes)
    if (seen.length >= count) break
  }
  return seen
}

/** Lets time pass until it is settled. */
async function inTime<T>(promise: Promise<T>, stepMs = 250): Promise<T> {
  const settled = { is: false }
  const note = () => void (settled.is = true)
  promise.then(note, note)
  for (let i = 0; i < 10_000 && !settled.is; i++) await vi.advanceTimersByTimeAsync(stepMs)
  return await promise
}

const cut = fc.record({ bytes: fc.nat(300), end: fc.constantFrom('ends', 'breaks', 'hangs', 'refused') })

test('each byte comes once and in order, wherever and however connections break', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(cut, { maxLength: 12 }), async (cuts) => {
      let [i, hasBegun] = [0, false]
      const answer = (from: number, signal: AbortSignal): Promise<Response> => {
        const { bytes, end } = cuts[i++] ?? { bytes: 1000, end: 'ends' as const }
        if (end === 'refused') return Promise.reject(new Failure(0))
        hasBegun = true
        return Promise.resolve(bodyOf(whole.subarray(from, from + bytes), end as 'ends', signal))
      }
      const begin = vi.fn((signal: AbortSignal) => answer(0, signal))
      const { source, wakers } = sourceOf({
        begin,
        resume: (from, signal) => (hasBegun ? answer(from, signal) : Promise.reject(new Failure(404))),
      })
      expect(await inTime(read(source, whole.length), 5000)).toEqual([...whole])
      // It is begun until it has been, and not again.
      const refusals = cuts.findIndex(({ end }) => end !== 'refused')
      expect(begin).toHaveBeenCalledTimes((refusals < 0 ? cuts.length : refusals) + 1)
      expect(wakers.size).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }),
    { numRuns: 100 },
  )
})

test('what does not pass by itself is told', async () => {
  const resume = vi.fn((): Promise<Response> => Promise.reject(new Failure(404)))
  const { source } = sourceOf({ resume })
  await expect(read(source, 1)).rejects.toThrow('404')
  // With bytes of it there, it is not begun anew.
  const begin = vi.fn((signal: AbortSignal) => Promise.resolve(bodyOf(whole.subarray(0, 9), 'breaks', signal)))
  await expect(inTime(read(sourceOf({ begin, resume }).source, 10))).rejects.toThrow('404')
  expect(begin).toHaveBeenCalledTimes(1)
})

test('a connection is sought again at once when there is reason to, and less and less often without', async () => {
  const resume = vi.fn((): Promise<Response> => Promise.reject(new Failure(0)))
  const { source, wake, connected } = sourceOf({ resume })
  const stopped = new AbortController()
  const reading = read(source, 1, stopped.signal)
  reading.catch(() => undefined)
  await vi.advanceTimersByTimeAsync(60_000)
  const calls = resume.mock.calls.length
  expect(calls).toBeGreaterThan(14)
  expect(calls).toBeLessThan(20)
  await vi.advanceTimersByTimeAsync(100)
  wake()
  await vi.advanceTimersByTimeAsync(0)
  expect(resume.mock.calls.length).toBe(calls + 1)
  expect(connected).not.toContain(true)
  stopped.abort(new Error('stopped'))
  await expect(reading).rejects.toThrow('stopped')
})

test('a silent connection is given up after a while; by a page that wakes, sooner', async () => {
  const resume = vi.fn((from: number, signal: AbortSignal) =>
    Promise.resolve(bodyOf(whole.subarray(from, from + 1), 'hangs', signal)),
  )
  const { source, wake, connected } = sourceOf({ resume })
  const reading = read(source, 4)
  await vi.advanceTimersByTimeAsync(44_000)
  expect(resume).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(3000)
  expect(resume).toHaveBeenCalledTimes(2)
  wake()
  await vi.advanceTimersByTimeAsync(10)
  expect(resume).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(4000)
  wake()
  await vi.advanceTimersByTimeAsync(10)
  expect(resume.mock.calls.map(([from]) => from)).toEqual([0, 1, 2])
  expect(connected).toEqual([true, false, true, false, true])
  expect(await inTime(reading)).toEqual([0, 1, 2, 3])
})
