import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadLibrary } from '../../src/llama/index.ts'
import { LogSoftmax, logprobOf } from '../../src/llama/log-softmax.ts'

const library = loadLibrary('off')

/** Written down once more, with sums that lose nothing: the largest terms last. */
function inDoubles(logits: Float32Array, token: number): number {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity)
  const terms = [...logits].map((logit) => Math.exp(logit - max)).sort((a, b) => a - b)
  return logits[token]! - max - Math.log(terms.reduce((a, b) => a + b, 0))
}

const logit = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -40, max: 40, noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: -3e38, max: 3e38, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-Infinity, 0, -0, 1e-40, 88.7, -103.97, -3.4e38) },
)

describe.each([1, 2, 7, 33, 512])('over %d tokens', (size) => {
  test('as in double precision, whatever the logits', () => {
    using softmax = new LogSoftmax(library, size)
    const all = fc.array(logit, { minLength: size, maxLength: size })
    fc.assert(
      fc.property(all, fc.nat(size - 1), fc.constantFrom(0, 1000, -1000), (values, token, shift) => {
        const logits = Float32Array.from(values, (value) => Math.fround(value + shift))
        fc.pre(logits.some(Number.isFinite))
        const expected = inDoubles(logits, token)
        const given = [softmax.run(logits, token), logprobOf(logits, token)]
        for (const one of given) {
          if (expected === -Infinity) expect(one).toBe(-Infinity)
          else expect(Math.abs(one - expected)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected) * 1e-10))
        }
      }),
    )
  })
})

test('over a vocabulary of 152k, probable tokens and improbable ones', () => {
  const size = 152_064
  using softmax = new LogSoftmax(library, size)
  const logits = Float32Array.from({ length: size }, (_, i) => 12 * Math.sin(i * i * 0.37) + 3 * Math.cos(i))
  logits[77] = 25
  logits[78] = -80
  logits[79] = -Infinity
  for (const token of [0, 77, 78, 1000, size - 1])
    expect(Math.abs(softmax.run(logits, token) - inDoubles(logits, token))).toBeLessThan(1e-5)
  expect(softmax.run(logits, 79)).toBe(-Infinity)
})

test('what is no token, logits of another size, and what is disposed are refused', () => {
  const softmax = new LogSoftmax(library, 4)
  const logits = new Float32Array(4)
  for (const token of [-1, 4, 0.5, NaN]) expect(() => softmax.run(logits, token)).toThrow(RangeError)
  expect(() => softmax.run(new Float32Array(3), 0)).toThrow(RangeError)
  softmax.dispose()
  softmax.dispose()
  expect(() => softmax.run(logits, 0)).toThrow('disposed')
})
