import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ByteLog } from './byte-log.ts'
import { conversationId, offsetIn, ResumableStreams, unreadSeconds } from './resumable-streams.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const bytes = new Uint8Array(1000)
function opened(streams: ResumableStreams, client: string, id: string, { ends = true } = {}) {
  const cancel = vi.fn(() => streams.end(client, id, log))
  const log: ByteLog = streams.open(client, id, cancel)
  log.append(bytes)
  if (ends) streams.end(client, id, log)
  return { log, cancel }
}

test('a stream is kept for its time after its end, and longer while it runs', () => {
  const streams = new ResumableStreams({ mostStreams: 4, mostBytes: 2 ** 20, keptMs: 1000 })
  const running = opened(streams, 'a', 'runs', { ends: false })
  const ended = opened(streams, 'a', 'ended')
  vi.advanceTimersByTime(999)
  expect(streams.find('a', 'ended')).toBe(ended.log)
  vi.advanceTimersByTime(1)
  expect(streams.find('a', 'ended')).toBeUndefined()
  expect(ended.log.heldBytes).toBe(0)
  vi.advanceTimersByTime(60_000)
  expect(streams.find('a', 'runs')).toBe(running.log)
  expect([running.cancel, ended.cancel].map(({ mock }) => mock.calls.length)).toEqual([0, 0])
})

test('it belongs to the client that began it', () => {
  const streams = new ResumableStreams()
  const { log } = opened(streams, 'key 1', 'x')
  expect([streams.find('key', 'x'), streams.find('key', '1'), streams.cancel('b', 'x')]).toEqual([
    undefined,
    undefined,
    false,
  ])
  expect(streams.find('key 1', 'x')).toBe(log)
})

test('the same id again cancels and forgets what it was', () => {
  const streams = new ResumableStreams()
  const first = opened(streams, 'a', 'x', { ends: false })
  const second = opened(streams, 'a', 'x', { ends: false })
  expect([first.cancel.mock.calls.length, first.log.isEnded, first.log.heldBytes]).toEqual([1, true, 0])
  // What the first one's generation still does is of no effect.
  streams.end('a', 'x', first.log)
  expect([streams.find('a', 'x'), second.log.isEnded]).toEqual([second.log, false])
  expect([streams.cancel('a', 'x'), streams.cancel('a', 'x'), second.log.isEnded]).toEqual([true, false, true])
  expect(vi.getTimerCount()).toBe(0)
})

test('one that nobody reads any more is cancelled, one that is read again, or has ended, is not', async () => {
  const streams = new ResumableStreams({ mostStreams: 4, mostBytes: 2 ** 20, keptMs: 60_000 })
  const [left, read, ended] = ['left', 'read', 'ended'].map((id) => opened(streams, 'a', id, { ends: id === 'ended' }))
  const [first, second] = [new AbortController(), new AbortController()]
  left!.log.follow(0, first.signal)
  const reader = read!.log.follow(0, second.signal).getReader()
  for (const id of ['left', 'read', 'ended']) expect(streams.cancelUnlessRead('a', id, 30_000)).toBe(true)
  expect(streams.cancelUnlessRead('b', 'left', 30_000)).toBe(false)
  // A page that is loaded anew leaves, and reads again.
  first.abort()
  await reader.cancel()
  const again = new AbortController()
  read!.log.follow(0, again.signal)
  vi.advanceTimersByTime(29_999)
  expect(streams.find('a', 'left')).toBe(left!.log)
  vi.advanceTimersByTime(1)
  expect([left, read, ended].map((one) => one!.cancel.mock.calls.length)).toEqual([1, 0, 0])
  expect(['left', 'read', 'ended'].map((id) => streams.find('a', id) !== undefined)).toEqual([false, true, true])
  // Told anew, it waits anew.
  again.abort()
  streams.cancelUnlessRead('a', 'read', 30_000)
  vi.advanceTimersByTime(20_000)
  streams.cancelUnlessRead('a', 'read', 30_000)
  vi.advanceTimersByTime(20_000)
  expect(read!.cancel.mock.calls).toHaveLength(0)
  vi.advanceTimersByTime(10_000)
  expect(read!.cancel.mock.calls).toHaveLength(1)
})

test.each(['', '-1', '1.5', '601', '1e2', 'x'])('no time to wait for a reader: %j', (given) => {
  expect(() => unreadSeconds(given)).toThrow(expect.objectContaining({ status: 400, code: 'invalid_value' }) as Error)
})

test('there are only so many: of those that have ended, the oldest of who has most leaves; those that run stay', () => {
  const streams = new ResumableStreams({ mostStreams: 4, mostBytes: 2 ** 20, keptMs: 60_000 })
  opened(streams, 'a', 'runs', { ends: false })
  opened(streams, 'b', '1')
  opened(streams, 'c', '1')
  opened(streams, 'c', '2')
  opened(streams, 'd', '1', { ends: false })
  const has = (client: string, id: string) => streams.find(client, id) !== undefined
  expect([has('a', 'runs'), has('b', '1'), has('c', '1'), has('c', '2'), has('d', '1')]).toEqual([
    true,
    true,
    false,
    true,
    true,
  ])
  opened(streams, 'd', '2', { ends: false })
  opened(streams, 'd', '3', { ends: false })
  expect(() => opened(streams, 'e', '1')).toThrow(expect.objectContaining({ status: 429, code: 'queue_full' }) as Error)
  expect(streams.find('a', 'runs')).toBeDefined()
})

test('all of them together hold no more memory than their limits say, however much is written and kept', () => {
  const streams = new ResumableStreams({ mostStreams: 3, mostBytes: 256 * 1024, keptMs: 60_000 })
  for (let i = 0; i < 20; i++) {
    const log = streams.open('a', `${i}`, () => undefined)
    for (let k = 0; k < 600; k++) log.append(bytes)
    if (i % 2 === 0) streams.end('a', `${i}`, log)
    else streams.cancel('a', `${i}`)
    expect(streams.heldBytes).toBeLessThanOrEqual(3 * 256 * 1024)
  }
})

test.each([...['', ' ', 'a b', 'ä', 'a\u0000', 'x'.repeat(129)], null])('no id: %j', (given) => {
  expect(() => conversationId(given, 'conv_id')).toThrow(expect.objectContaining({ status: 400 }) as Error)
})

test('ids are 1 to 128 characters', () => {
  for (const id of ['x', 'x'.repeat(128), '../%00?&#"<>']) expect(conversationId(id, 'conv_id')).toBe(id)
})

test.each([...['-1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', '', ' 1', '1001', '99999999999999999999', '1; DROP']])(
  'no offset: %j',
  (given) => {
    const { log } = opened(new ResumableStreams(), 'a', 'x')
    expect(() => offsetIn(log, given)).toThrow(expect.objectContaining({ status: 400, code: 'invalid_value' }) as Error)
  },
)

test('an offset is within what is kept', () => {
  const { log } = opened(new ResumableStreams({ mostStreams: 1, mostBytes: 64 * 1024, keptMs: 1 }), 'a', 'x', {
    ends: false,
  })
  expect([null, '0', '1000'].map((given) => offsetIn(log, given))).toEqual([0, 0, 1000])
  for (let i = 0; i < 100; i++) log.append(bytes)
  expect(() => offsetIn(log, '0')).toThrow(`from must be a whole number from ${log.start} to 101000`)
  expect(offsetIn(log, `${log.start}`)).toBe(log.start)
})
