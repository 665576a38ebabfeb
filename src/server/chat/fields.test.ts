import { expect, test } from 'vitest'
import { ignoredFields } from './fields.ts'

test('what is unknown is told, in stream_options too, and what a local server need not do is not', () => {
  const body = {
    model: 'a',
    user: 'b',
    foo: 1,
    stream_options: { include_usage: true, include_obfuscation: false, bar: 1 },
  }
  expect(ignoredFields(body, new Set(['model', 'stream_options']))).toEqual(['foo', 'stream_options.bar'])
})
