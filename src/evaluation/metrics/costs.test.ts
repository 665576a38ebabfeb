import { describe, expect, test } from 'vitest'
import { costSummary, msPerEviction, throughput, type SampleCosts } from './costs.ts'

const sample = (more: Partial<SampleCosts> & { item: string }): SampleCosts => ({
  truncated: false,
  looped: false,
  thinkingTokens: 100,
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

test('an eviction’s time is that of all by their number; a record without a time has no part in it', () => {
  const timed = [
    { evictions: 1, evictionMs: 10 },
    { evictions: 3, evictionMs: 50 },
  ]
  expect(msPerEviction(timed)).toBe(15)
  expect(msPerEviction([...timed, { evictions: 100 }])).toBe(15)
  expect(msPerEviction([{ evictions: 3 }])).toBeNull()
  expect(msPerEviction([{ evictions: 0, evictionMs: 0 }])).toBeNull()
  expect(msPerEviction([])).toBeNull()
})

describe('throughput', () => {
  const first = { generatedTokens: 100, wallMs: 1000, forwardMs: 500, parallel: 4 }
  const second = { generatedTokens: 500, wallMs: 2000, forwardMs: 1000, parallel: 4 }

  test('sums by sums, not the mean of speeds; the authors’ definition beside it', () => {
    // 600 tokens in 3 s; (200 + 500) / 2 tokens a second of forward passes, in 4 places.
    expect(throughput([first, second])).toEqual({ wall: 200, authors: 1400 })
  })

  test('counts the places that each sample’s own batch had, as when a run was resumed or merged', () => {
    expect(throughput([first, { ...second, parallel: 2 }]).authors).toBe((4 * 200 + 2 * 500) / 2)
  })

  test('of nothing is refused', () => expect(() => throughput([])).toThrow(/no sample/))
})
