import { describe, expect, test } from 'vitest'
import { checkHost, checkOrigin, KeyRing, loopbackNames, type AccessSettings } from './access.ts'

const settings: AccessSettings = {
  hosts: new Set([...loopbackNames, 'box.local']),
  origins: new Set(['https://app.example']),
  keys: [],
}

describe('access', () => {
  test.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '[::1]:8080', 'box.local'])(
    'the host %s is served',
    (host) => {
      expect(() => checkHost(host, settings)).not.toThrow()
    },
  )

  test.each(['evil.example', 'localhost.evil.example:80', '10.0.0.1', ''])('the host %j is not', (host) => {
    expect(() => checkHost(host, settings)).toThrow()
  })

  test.each([
    ['POST', undefined, true],
    ['POST', 'http://localhost:8080', true],
    ['POST', 'https://app.example', true],
    ['POST', 'https://evil.example', false],
    ['POST', 'null', false],
    ['DELETE', 'http://localhost:9', false],
    ['GET', 'https://evil.example', true],
  ])('%s from %s: %s', (method, origin, isAllowed) => {
    const check = () => checkOrigin(method, origin, 'localhost:8080', settings)
    if (isAllowed) expect(check).not.toThrow()
    else expect(check).toThrow(expect.objectContaining({ status: 403, code: 'origin_not_allowed' }))
  })

  test('keys by their names, and nothing else', () => {
    const keys = new KeyRing([
      { name: 'a', key: 'one' },
      { name: 'b', key: 'two' },
    ])
    expect(keys.nameOf('Bearer one', undefined)).toBe('a')
    expect(keys.nameOf('bearer two ', undefined)).toBe('b')
    expect(keys.nameOf(undefined, 'two')).toBe('b')
    for (const [header, key] of [
      [undefined, undefined],
      ['one', undefined],
      ['Bearer onee', undefined],
      ['Basic one', undefined],
      [undefined, ''],
    ] as const) {
      expect(() => keys.nameOf(header, key)).toThrow(expect.objectContaining({ status: 401, code: 'invalid_api_key' }))
    }
    expect(new KeyRing([]).nameOf(undefined, undefined)).toBeUndefined()
  })
})
