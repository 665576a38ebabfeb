import { describe, expect, test } from 'vitest'
import { recallSummaries, type RecalledItem } from './recall.ts'

const fact = (item: string, distance: number, right: boolean, logprob: number, held = 1): RecalledItem => ({
  item,
  recall: { distance, tokensBetween: distance - 2, held, right, logprob },
})

describe('recallSummaries', () => {
  const own = [
    fact('a', 64, true, -0.5, 0.25),
    fact('b', 64, false, -3.5, 0.75),
    fact('c', 32, true, -0.1),
    fact('d', 64, false, -2, 0),
  ]
  const full = [fact('a', 64, true, -0.25), fact('b', 64, true, -0.5)]

  test('are means over the facts of a distance, the nearest first', () => {
    const [near, far] = recallSummaries(own, { full: [], dynts: [] })
    expect(near).toMatchObject({ distance: 32, tokensBetween: 30, right: { mean: 1, items: 1, interval: null } })
    expect(far).toMatchObject({ distance: 64, right: { items: 3 }, logprob: { mean: -2 } })
    expect(far?.held.mean).toBeCloseTo(1 / 3)
    expect(far?.right.mean).toBeCloseTo(1 / 3)
    expect(far).toMatchObject({ rightToFull: null, rightToDynts: null, logprobToFull: null })
  })

  test('are compared over the facts that both have', () => {
    const [near, far] = recallSummaries(own, { full, dynts: [] })
    expect(near?.rightToFull).toBeNull()
    // a: 1 - 1 and -0.25, b: 0 - 1 and -3; full has no d.
    expect(far?.rightToFull).toMatchObject({ mean: -0.5, items: 2 })
    expect(far?.logprobToFull).toMatchObject({ mean: -1.625, items: 2 })
    expect(far?.logprobToDynts).toBeNull()
  })
})
