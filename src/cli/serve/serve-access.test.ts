import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import type { ApiKey } from '../../server/access.ts'
import { checkReach, keysOf } from './serve-access.ts'
import type { ServeFlags } from './serve-options.ts'

test('an empty key, as an unset variable gives it, is none: it is refused', () => {
  expect(keysOf({ apiKey: 'secret' })).toEqual([{ name: 'default', key: 'secret' }])
  expect(keysOf({})).toEqual([])
  for (const apiKey of ['', ' ']) expect(() => keysOf({ apiKey })).toThrow('--api-key is empty')
})

const folder = mkdtempSync(join(tmpdir(), 'dynts-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a file of keys: one a line, with names or without; --api-key counts besides', () => {
  const apiKeyFile = join(folder, 'keys')
  writeFileSync(apiKeyFile, '# ours\none\n\nben:two # of another\n  three  \n')
  const filed = [
    { name: 'key 1', key: 'one' },
    { name: 'ben', key: 'two' },
    { name: 'key 3', key: 'three' },
  ]
  expect(keysOf({ apiKeyFile })).toEqual(filed)
  expect(keysOf({ apiKey: 'zero', apiKeyFile })).toEqual([{ name: 'default', key: 'zero' }, ...filed])
  writeFileSync(apiKeyFile, '# none\n')
  expect(() => keysOf({ apiKeyFile })).toThrow('has no key')
  expect(() => keysOf({ apiKeyFile: join(folder, 'nothing') })).toThrow('nothing')
})

test('what others reach needs a key, or --no-auth, which is told', () => {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const check = (host: readonly string[], auth = true, keys: readonly ApiKey[] = []) =>
    checkReach({ host, auth } as ServeFlags, keys)
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) check([host])
  expect(() => check(['127.0.0.1', '192.0.2.1'])).toThrow('--host 192.0.2.1 is open to others')
  check(['192.0.2.1'], true, [{ name: 'a', key: 'b' }])
  expect(said).not.toHaveBeenCalled()
  check(['192.0.2.1'], false)
  expect(said.mock.calls).toEqual([['warning: anyone who reaches 192.0.2.1 can use this server\n']])
  said.mockRestore()
})
