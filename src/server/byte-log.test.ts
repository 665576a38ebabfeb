import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteLog } from './byte-log.ts'

const block = 64 * 1024
const stays = new AbortController().signal

async function all(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of stream as unknown as AsyncIterable<Uint8Array>) parts.push(Uint8Array.from(part))
  return Buffer.concat(parts)
}

test('every reader has the bytes from its offset on, those that come later too', async () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 150_000 }).map(numbered))
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 8 }),
      fc.nat(8),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (pieces, early, share) => {
        const log = new ByteLog(64 * block)
        const whole = Buffer.concat(pieces)
        for (const one of pieces.slice(0, early)) log.append(one)
        const from = Math.floor(share * log.size)
        const readers = [all(log.follow(from, stays)), all(log.follow(0, stays))]
        for (const one of pieces.slice(early)) {
          log.append(one)
          await Promise.resolve()
        }
        log.end()
        const [late, first] = await Promise.all(readers)
        expect(late!.equals(whole.subarray(from))).toBe(true)
        expect(first!.equals(whole)).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
})

test('it keeps the last bytes within its limit, and cuts off who falls behind them', async () => {
  const log = new ByteLog(3 * block)
  const slow = log.follow(0, stays).getReader()
  log.append(numbered(10_000))
  expect((await slow.read()).value).toHaveLength(10_000)
  for (let i = 0; i < 99; i++) log.append(numbered(10_000))
  expect(log.size).toBe(1_000_000)
  expect(log.heldBytes).toBeLessThanOrEqual(3 * block)
  expect(log.size - log.start).toBeGreaterThan(2 * block)
  await expect(slow.read()).rejects.toThrow('too slow')
  log.end()
  const rest = await all(log.follow(log.start, stays))
  expect(rest.length).toBe(log.size - log.start)
  expect(rest.at(-1)).toBe(numbered(10_000).at(-1))
})

test('what is dropped holds nothing, and ends for who had read it all', async () => {
  const log = new ByteLog(block)
  log.append(numbered(1000))
  const reader = log.follow(1000, stays).getReader()
  const next = reader.read()
  const behind = log.follow(10, stays).getReader()
  log.drop()
  expect((await next).done).toBe(true)
  await expect(behind.read()).rejects.toThrow('too slow')
  log.append(numbered(10))
  expect([log.heldBytes, log.size, log.start]).toEqual([0, 1000, 1000])
})

test('who leaves is not waited for', async () => {
  const log = new ByteLog(block)
  const controller = new AbortController()
  const left = log.follow(0, controller.signal).getReader()
  let given = false
  void left.read().then(() => (given = true))
  await tick()
  controller.abort()
  log.append(numbered(5))
  await tick()
  expect(given).toBe(false)
})

function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i % 251)
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
