import { describe, expect, test } from 'vitest'
import { networkInterfaces } from 'node:os'
import { checkHost, checkOrigin, KeyRing, servedHosts, type AccessSettings } from './access.ts'

const settings: AccessSettings = {
  hosts: servedHosts(['127.0.0.1'], ['box.local']),
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

  test('a server that listens everywhere is reached by every address of its machine, another only by its own', () => {
    const own = Object.values(networkInterfaces()).flatMap((all) => all?.map(({ address }) => address) ?? [])
    const everywhere = { ...settings, hosts: servedHosts(['0.0.0.0'], []) }
    for (const address of own) {
      const host = address.includes(':') ? `[${address}]:80` : `${address}:80`
      expect(() => checkHost(host, everywhere)).not.toThrow()
    }
    expect(() => checkHost('evil.example', everywhere)).toThrow()
    const one = { ...settings, hosts: servedHosts(['2001:DB8::1'], []) }
    expect(() => checkHost('[2001:db8::1]:8080', one)).not.toThrow()
    expect(() => checkHost('203.0.113.9', one)).toThrow()
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
