import { expect, test } from 'vitest'
import { ignoredFields, unknownFields, withIgnored } from './fields.ts'

test('what is unknown is told, in stream_options too, and what a local server need not do is not', () => {
  const body = {
    model: 'a',
    user: 'b',
    foo: 1,
    stream_options: { include_usage: true, include_obfuscation: false, bar: 1 },
  }
  expect(ignoredFields(body, new Set(['model', 'stream_options']))).toEqual(['foo', 'stream_options.bar'])
})

test('a header names what was ignored: ten names of harmless characters', () => {
  const headers = { a: 'b' }
  expect(withIgnored(headers, [])).toBe(headers)
  expect(withIgnored(headers, ['foo', 'b\r\nar', '漢', 'x'.repeat(70)])).toEqual({
    a: 'b',
    'x-dynts-ignored': `foo,bar,${'x'.repeat(64)}`,
  })
  const many = Array.from({ length: 12 }, (_, i) => `f${i}`)
  expect(withIgnored({}, many)['x-dynts-ignored']?.split(',')).toEqual(many.slice(0, 10))
})

test('what a small endpoint does not know, if it is given', () => {
  expect(unknownFields({ id: 1, foo: 2, bar: null, toString: 3 }, { id: 0 })).toEqual(['foo', 'toString'])
})
