import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sampleTokens } from './importance-plan.ts'

describe('the tokens whose states are stored', () => {
  test('are different thinking tokens in ascending order, the same for the same seed and trace', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 500 }),
        fc.nat(),
        (...given) => {
          const [id, thinkingTokens, wanted, seed] = given
          const sampled = sampleTokens(id, thinkingTokens, wanted, seed)
          expect(sampled.length).toBe(Math.min(wanted, thinkingTokens))
          expect(sampled.every((token, i) => token > (sampled[i - 1] ?? -1) && token < thinkingTokens)).toBe(true)
          expect(sampleTokens(id, thinkingTokens, wanted, seed)).toEqual(sampled)
        },
      ),
    )
  })

  test('are all of them where no number is given', () => {
    expect([...sampleTokens('a', 5, null, 0)]).toEqual([0, 1, 2, 3, 4])
  })

  test('depend on seed and trace', () => {
    const drawn = [sampleTokens('a', 1000, 20, 0), sampleTokens('a', 1000, 20, 1), sampleTokens('b', 1000, 20, 0)]
    expect(new Set(drawn.map(String)).size).toBe(3)
  })

  test('are drawn evenly', () => {
    const times = new Int32Array(20)
    for (let i = 0; i < 4000; i++)
      for (const token of sampleTokens(`trace ${i}`, 20, 5, 3)) times[token] = times[token]! + 1
    // 1000 expected, standard deviation 27.
    for (const count of times) expect(Math.abs(count - 1000)).toBeLessThan(140)
  })
})
