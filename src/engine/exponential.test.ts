import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expOfMinus, negligible } from './exponential.ts'

test('as Math.exp has it, to nine digits', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: negligible, maxExcluded: true, noNaN: true }), (below) => {
      expect(Math.abs(expOfMinus(below) / Math.exp(-below) - 1)).toBeLessThan(2e-10)
    }),
  )
  expect(expOfMinus(0)).toBe(1)
})
