import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { missingBytes } from './utf8.ts'

test('counts what a cut character lacks', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      (text, last) => {
        const bytes = Buffer.from(last)
        fc.pre(bytes.toString() === last)
        for (let length = 1; length <= bytes.length; length++) {
          const cut = Buffer.concat([Buffer.from(text), bytes.subarray(0, length)])
          expect(missingBytes(cut)).toBe(bytes.length - length)
        }
      },
    ),
  )
  expect(missingBytes(new Uint8Array())).toBe(0)
})
