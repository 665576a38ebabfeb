import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inverseModulo, powerModulo, totient } from './modular.ts'

const prime = 67108859

test('powers and inverses are those of whole numbers', () => {
  fc.assert(
    fc.property(fc.nat(prime - 1), fc.nat(300), fc.integer({ min: 1, max: prime }), (base, exponent, m) => {
      expect(BigInt(powerModulo(base, exponent, m))).toBe(BigInt(base) ** BigInt(exponent) % BigInt(m))
    }),
  )
  fc.assert(
    fc.property(fc.integer({ min: 1, max: prime - 1 }), (a) => {
      expect((BigInt(a) * BigInt(inverseModulo(a, prime))) % BigInt(prime)).toBe(1n)
    }),
  )
})

test('the totient counts what has no divisor in common', () => {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b))
  for (let m = 1; m <= 200; m++) {
    expect(totient(m)).toBe(Array.from({ length: m }, (_, i) => i + 1).filter((n) => divisor(n, m) === 1).length)
  }
  expect(totient(prime)).toBe(prime - 1)
})
