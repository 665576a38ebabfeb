import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TrimmedText } from './trimmed-text.ts'

test('all pieces joined are the whole text, trimmed', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '\n', '\t', '\u00a0', 'é'), maxLength: 4 })
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = new TrimmedText()
      expect(pieces.map((one) => text.push(one)).join('')).toBe(pieces.join('').trim())
    }),
  )
})

test('white space waits for what follows', () => {
  const text = new TrimmedText()
  expect([' \n', 'a ', '\n', 'b', ' '].map((one) => text.push(one))).toEqual(['', 'a', '', ' \nb', ''])
})
