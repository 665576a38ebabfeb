import fc from 'fast-check'
import { expect, test } from 'vitest'
import { literal } from './approximate.ts'
import { floor, gamma } from './real-functions.ts'

test('the Gamma function', () => {
  const value = (x: number) => gamma(literal(x)).re
  expect(gamma(literal(5))).toEqual(literal(24))
  expect(value(0.5)).toBeCloseTo(Math.sqrt(Math.PI), 12)
  expect(value(-0.5)).toBeCloseTo(-2 * Math.sqrt(Math.PI), 12)
  expect(value(4.5)).toBeCloseTo(11.631728396567448, 10)
  expect(value(-2)).toBeNaN()
})

test('a whole number that rounding has moved is not rounded down', () => {
  expect(floor({ re: 2.9999999999999996, im: 0, error: 1e-15 })).toEqual(literal(3))
  fc.assert(fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (x) => floor(literal(x)).re === Math.floor(x)))
})
