import { expect, test } from 'vitest'
import { keysOf } from './serve-access.ts'

test('an empty key, as an unset variable gives it, is none: it is refused', () => {
  expect(keysOf({ apiKey: 'secret' })).toEqual([{ name: 'default', key: 'secret' }])
  expect(keysOf({})).toEqual([])
  for (const apiKey of ['', ' ']) expect(() => keysOf({ apiKey })).toThrow('--api-key is empty')
})
