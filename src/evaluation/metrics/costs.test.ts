import { describe, expect, test } from 'vitest'
import { costSummary, throughput, type SampleCosts } from './costs.ts'

const sample = (more: Partial<SampleCosts> & { item: string }): SampleCosts => ({
  truncated: false,
  looped: false,
  thinkingTokens: 100,
  generatedTokens: 120,
  wallMs: 1000,
  forwardMs: 800,
  meanCells: 200,
  peakCells: 320,
  peakBytes: 32_000,
  ...more,
})

describe('costSummary', () => {
  const summary = costSummary([
    sample({ item: 'a', truncated: true, thinkingTokens: 300, peakCells: 400, peakBytes: 40_000 }),
    sample({ item: 'a' }),
    sample({ item: 'b', looped: true, meanCells: 100 }),
  ])

  test('means over samples, then over items', () => {
    expect(summary.truncated.mean).toBe(0.25)
    expect(summary.looped.mean).toBe(0.5)
    expect(summary.thinkingTokens.mean).toBe(150)
    expect(summary.meanCells.mean).toBe(150)
    expect(summary.peakCells.mean).toBe(340)
  })

  test('the highest peaks are true ones', () => {
    expect(summary).toMatchObject({ highestCells: 400, highestBytes: 40_000 })
  })

  test('of nothing is refused', () => expect(() => costSummary([])).toThrow(/nothing/))
})

describe('throughput', () => {
  const samples = [
    sample({ item: 'a', generatedTokens: 100, wallMs: 1000, forwardMs: 500 }),
    sample({ item: 'b', generatedTokens: 500, wallMs: 2000, forwardMs: 1000 }),
  ]

  test('sums by sums, not the mean of speeds; the authors’ definition beside it', () => {
    // 600 tokens in 3 s; (200 + 500) / 2 tokens a second of forward passes, in 4 places.
    expect(throughput(samples, { parallel: 4, elapsedMs: 2000 })).toEqual({
      tokensPerSecond: 200,
      total: 300,
      authors: 1400,
    })
  })

  test('says nothing that was not measured', () => {
    expect(throughput([...samples, sample({ item: 'c', forwardMs: null })])).toMatchObject({
      total: null,
      authors: null,
    })
    expect(() => throughput([])).toThrow(/no sample/)
  })
})
