import fc from 'fast-check'
import { expect, test } from 'vitest'
import { meanOfHeads, unionOfHeads } from './combine-heads.ts'
import { lowestScored } from './top-k.ts'

/** Some heads' scores of as many candidates. */
const heads = fc.integer({ min: 1, max: 20 }).chain((count) =>
  fc.array(fc.array(fc.integer({ min: -8, max: 8 }), { minLength: count, maxLength: count }), {
    minLength: 1,
    maxLength: 6,
  }),
)

test('the mean is that of all heads', () => {
  fc.assert(
    fc.property(heads, (scores) => {
      const combined = meanOfHeads(scores[0]!.length)
      for (const one of scores) combined.add(Float64Array.from(one))
      const expected = scores[0]!.map((_, i) => scores.reduce((sum, one) => sum + one[i]!, 0) / scores.length)
      expect(combined.scores()).toEqual(Float32Array.from(expected))
    }),
  )
})

test('what stays of a union is the highest of what some head has among its best, found by sorting', () => {
  fc.assert(
    fc.property(heads, fc.nat(20), (scores, some) => {
      const count = scores[0]!.length
      const kept = some % (count + 1)
      // No two candidates alike in a head.
      const distinct = scores.map((one) => one.map((score, i) => score + i / 64))
      const combined = unionOfHeads(count, kept)
      for (const one of distinct) combined.add(Float64Array.from(one))
      const all = Array.from({ length: count }, (_, i) => i)
      const best = new Set(distinct.flatMap((one) => all.toSorted((a, b) => one[b]! - one[a]!).slice(0, kept)))
      const highest = (i: number) => Math.max(...distinct.map((one) => one[i]!))
      const expected = [...best].sort((a, b) => highest(b) - highest(a) || b - a).slice(0, kept)
      const leaving = lowestScored(Int32Array.from(all), combined.scores(), count - kept)
      expect(all.filter((i) => !leaving.includes(i))).toEqual(expected.sort((a, b) => a - b))
    }),
  )
})

test('without a head nothing is preferred', () => {
  expect([...meanOfHeads(2).scores(), ...unionOfHeads(2, 1).scores()]).toEqual([0, 0, 0, 0])
})
