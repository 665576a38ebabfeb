import { describe, expect, test } from 'vitest'
import { describeQueue } from './connection.ts'

describe('describeQueue', () => {
  test.each([
    ['redis://localhost', 'redis://localhost'],
    ['redis://localhost:6380/3', 'redis://localhost:6380/3'],
    ['rediss://user:secret@host:1/', 'rediss://host:1'],
    ['redis://:secret@[::1]:6379', 'redis://[::1]:6379'],
  ])('%s', (address, shown) => expect(describeQueue(address)).toBe(shown))

  test.each(['localhost:6379', 'http://localhost', 'redis://', 'redis://host/name', 'redis:///1', ''])(
    'refuses %s',
    (address) => expect(() => describeQueue(address)).toThrow(/`queue` must be redis:\/\/HOST:PORT\/DATABASE/),
  )
})
