import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TracesLoss } from './loss.ts'

const values = (n: number) => fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: n, maxLength: n })
/** One trace: outputs and targets. */
const trace = fc.integer({ min: 1, max: 9 }).chain((n) => fc.tuple(values(n), values(n)))

/** Loss and gradient of traces, asked for in blocks of `block` rows. */
function lossOf(outputs: Float32Array, targets: Float32Array[], batch: number, rankingWeight: number, block = 1000) {
  const loss = new TracesLoss(targets, batch)
  const ranking = rankingWeight > 0 ? loss.addRanking(outputs, rankingWeight, 5) : 0
  const gradient = new Float32Array(outputs.length)
  for (let from = 0; from < outputs.length; from += block) {
    gradient.set(loss.gradientOf(outputs.slice(from, from + block), from), from)
  }
  return { total: loss.squaredError + rankingWeight * ranking, mse: loss.squaredError, ranking, gradient }
}

describe('the loss', () => {
  test('is the mean over a trace’s tokens, then over the batch’s traces', () => {
    const targets = [Float32Array.of(1, 2, 3, 2), Float32Array.of(0)]
    const { mse, gradient } = lossOf(Float32Array.of(1, 2, 3, 4, 2), targets, 5, 0)
    // A long trace counts as much as a short one: (4 / 4 + 4 / 1) / 5.
    expect(mse).toBeCloseTo(1, 6)
    expect([...gradient]).toEqual([0, 0, 0, Math.fround(0.2), Math.fround(0.8)])
  })

  test('its gradient is what central differences give', () => {
    fc.assert(
      fc.property(
        fc.array(trace, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 3, max: 9 }),
        fc.constantFrom(0, 0.5, 2),
        (traces, batch, weight) => {
          const outputs = traces.flatMap(([values]) => values)
          const targets = traces.map(([, target]) => Float32Array.from(target))
          const { gradient } = lossOf(Float32Array.from(outputs), targets, batch, weight)
          const h = 2 ** -7
          outputs.forEach((_, i) => {
            const [up, down] = [Float32Array.from(outputs), Float32Array.from(outputs)]
            up[i]! += h
            down[i]! -= h
            const difference = lossOf(up, targets, batch, weight).total - lossOf(down, targets, batch, weight).total
            expect(gradient[i]).toBeCloseTo(difference / (up[i]! - down[i]!), 3)
          })
        },
      ),
      { numRuns: 50 },
    )
  })

  test('does not depend on the blocks in which it is asked for', () => {
    const outputs = Float32Array.from({ length: 30 }, (_, i) => Math.sin(i))
    const targets = [12, 1, 17].map((n) => Float32Array.from({ length: n }, (_, i) => Math.cos(i)))
    const whole = lossOf(outputs, targets, 3, 1)
    for (const block of [1, 7, 13]) {
      const parts = lossOf(outputs, targets, 3, 1, block)
      expect(parts.gradient).toEqual(whole.gradient)
      expect(parts.total).toBeCloseTo(whole.total, 12)
    }
  })
})

describe('the ranking term', () => {
  test('wants the order, whatever the scale', () => {
    const target = Float32Array.from({ length: 50 }, (_, i) => i)
    const ranking = (outputs: Float32Array) => lossOf(outputs, [target], 1, 1).ranking
    expect(ranking(target.map((y) => 10 + y))).toBeLessThan(0.2)
    expect(ranking(target.map((y) => 10 + y))).toBeCloseTo(ranking(target), 5)
    expect(ranking(target.map((y) => -y))).toBeGreaterThan(5)
  })

  test('finds nothing to learn in equal targets', () => {
    const target = new Float32Array(8).fill(0.5)
    const { ranking, gradient } = lossOf(target, [target], 1, 1)
    expect(ranking).toBe(0)
    expect([...gradient]).toEqual(new Array(8).fill(0))
  })

  test('does not overflow', () => {
    const { ranking, gradient } = lossOf(Float32Array.of(-1e6, 1e6), [Float32Array.of(1, 0)], 1, 1)
    expect(ranking === 0 || Math.abs(ranking - 2e6) < 1).toBe(true)
    expect(gradient.every(Number.isFinite)).toBe(true)
  })
})
