import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBody, readBody } from './body.ts'

const request = (body: string, headers: Record<string, string> = {}) =>
  new Request('http://localhost/', { method: 'POST', body, headers })

describe('a body', () => {
  test('is read up to its limit', async () => {
    expect(await readBody(request('abc'), 3)).toBe('abc')
    await expect(readBody(request('abcd'), 3)).rejects.toMatchObject({ status: 413, code: 'body_too_large' })
    await expect(readBody(request('abc', { 'content-encoding': 'gzip' }), 9)).rejects.toMatchObject({ status: 415 })
  })

  test('is read while fewer than 64 others are; then it waits, and one that fails makes room too', async () => {
    const senders: ReadableStreamDefaultController<Uint8Array>[] = []
    let begun = 0
    const slow = () => {
      // Pulled when it is read, and not before.
      const source = new ReadableStream<Uint8Array>(
        { start: (controller) => void senders.push(controller), pull: () => void (begun += 1) },
        { highWaterMark: 0 },
      )
      const init = { method: 'POST', body: source, duplex: 'half' } as RequestInit
      return readBody(new Request('http://localhost/', init), 3)
    }
    const bodies = Array.from({ length: 70 }, slow)
    const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
    await tick()
    expect(begun).toBe(64)
    senders[0]?.enqueue(new TextEncoder().encode('abc'))
    senders[0]?.close()
    senders[1]?.error(new Error('the client has left'))
    expect(await bodies[0]).toBe('abc')
    await expect(bodies[1]).rejects.toThrow('has left')
    await tick()
    expect(begun).toBeGreaterThanOrEqual(66)
    for (const sender of senders.slice(2)) sender.close()
    expect(await Promise.all(bodies.slice(2))).toEqual(Array.from({ length: 68 }, () => ''))
    expect(await readBody(request('abc'), 3)).toBe('abc')
  })

  test('is an object of well-formed texts and finite numbers', () => {
    expect(parseBody('\ufeff{"a": "\\ud800b"}')).toEqual({ a: '\ufffdb' })
    for (const text of ['', 'x', '[1]', '1', 'null', '{"a": 1e999}', '{"a": [-1e999]}']) {
      expect(() => parseBody(text)).toThrow(expect.objectContaining({ status: 400 }))
    }
  })

  test('has numbers that are finite, however they are written', () => {
    const digits = (count: number) => '9'.repeat(count)
    for (const text of ['1e+400', '1E999', '10e0999', digits(400), `${digits(250)}e99`, `-${digits(310)}.5`]) {
      expect(() => parseBody(`{"a": [${text}]}`)).toThrow(expect.objectContaining({ code: 'invalid_json' }))
    }
    expect(parseBody(`{"a": [1e308, 5e-999, 0.${digits(400)}, ${digits(199)}e99]}`)).toEqual({
      a: [1e308, 0, 1, 1e298],
    })
    // In texts it is nothing.
    expect(parseBody(`{"a": "1e999 \\ud83d\\ude00 ${digits(400)}"}`)).toEqual({ a: `1e999 😀 ${digits(400)}` })
  })

  test('has no more values than can be looked at in passing, but for lists of tokens', () => {
    const list = (count: number, one = '0') => `[${Array.from({ length: count }, () => one).join(',')}]`
    const tooMany = expect.objectContaining({ status: 400, code: 'too_many_values' }) as Error
    expect(() => parseBody(`{"messages": ${list(65_535)}}`)).not.toThrow()
    expect(() => parseBody(`{"messages": ${list(65_536)}}`)).toThrow(tooMany)
    expect(() => parseBody(`{"messages": ${list(300, list(300))}}`)).toThrow(tooMany)
    expect(() => parseBody(`{"messages": ${list(40_000, '{"role": "user"}')}}`)).toThrow(tooMany)
    expect(() => parseBody(`{"prompt": ${list(131_072)}, "messages": ${list(60_000)}}`)).not.toThrow()
    expect(() => parseBody(`{"prompt": ${list(4, list(70_000))}}`)).toThrow(tooMany)
  })

  test('nests no deeper than 64 levels; brackets in texts do not count', () => {
    const nested = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
    expect(() => parseBody(nested(64))).not.toThrow()
    expect(() => parseBody(nested(65))).toThrow(expect.objectContaining({ code: 'too_deep' }))
    expect(parseBody(JSON.stringify({ a: '\\"[[['.repeat(100) }))).toEqual({ a: '\\"[[['.repeat(100) })
  })

  test('whatever comes, it is an object or an error of the client', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          expect(typeof parseBody(text)).toBe('object')
        } catch (error) {
          expect(error).toMatchObject({ status: 400 })
        }
      }),
    )
  })
})
