import fc from 'fast-check'
import { expect, test } from 'vitest'
import { logprobOf } from './logprob.ts'

test('log-probabilities are those of a plain softmax, also where exponentials overflow', () => {
  const logits = fc.array(fc.double({ min: -40, max: 40, noNaN: true }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(logits, fc.nat(), fc.constantFrom(0, 1000, -1000), (values, at, shift) => {
      const one = at % values.length
      const rounded = [...Float32Array.from(values, (value) => value + shift)]
      const plainly = Math.log(
        Math.exp(rounded[one]! - shift) / rounded.reduce((sum, value) => sum + Math.exp(value - shift), 0),
      )
      expect(logprobOf(Float32Array.from(rounded), one)).toBeCloseTo(plainly, 6)
    }),
  )
})
