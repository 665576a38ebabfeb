import { describe, expect, test } from 'vitest'
import { proxySettings } from './proxy.ts'

describe('proxySettings', () => {
  test('is nothing without a proxy', () => {
    expect(proxySettings({})).toBeUndefined()
    expect(proxySettings({ NO_PROXY: 'localhost', HTTP_PROXY: ' ' })).toBeUndefined()
  })

  test('takes either spelling, the small letters first, and an address without http://', () => {
    expect(proxySettings({ HTTPS_PROXY: 'http://a:1', https_proxy: 'proxy:3128', no_proxy: 'x, .y  z:8' })).toEqual({
      httpProxy: '',
      httpsProxy: 'http://proxy:3128',
      noProxy: 'x,.y,z:8',
    })
    expect(proxySettings({ HTTP_PROXY: 'https://u:p@a', NO_PROXY: '*' })).toEqual({
      httpProxy: 'https://u:p@a',
      httpsProxy: '',
      noProxy: '*',
    })
  })

  test('keeps the end of an IPv6 address from being a port', () => {
    expect(proxySettings({ http_proxy: 'p', no_proxy: '::1,[fe80::1]:80,h:1' })?.noProxy).toBe('[::1],[fe80::1]:80,h:1')
  })

  test.each(['socks5://secret:1', 'ftp://secret', 'http://', 'http://a secret'])(
    'refuses %s without showing it',
    (address) => {
      expect(() => proxySettings({ HTTPS_PROXY: address })).toThrow(
        /^HTTPS_PROXY must be http:\/\/HOST:PORT(?!.*secret)/,
      )
    },
  )
})
