import { describe, expect, test } from 'vitest'
import type { EpochEntry } from './training-state.ts'
import { isBetterEpoch, problemOf } from './verdict.ts'

const entry = (kendallTau: number, more: { mse?: number; spread?: number; found?: number } = {}): EpochEntry => {
  const { mse = 0.1, spread = 0.8, found = 0.7 } = more
  return { epoch: 1, trainingMse: 0.1, heldOut: { traces: 5, mse, kendallTau, overlap: { '30': found } }, spread }
}

test('the better epoch is the one with the higher tau, whatever the loss', () => {
  expect(isBetterEpoch(entry(0.5, { mse: 0.2 }), entry(0.4, { mse: 0.1 }))).toBe(true)
  expect(isBetterEpoch(entry(0.4), entry(0.4))).toBe(false)
  expect(isBetterEpoch(entry(-1), undefined)).toBe(true)
  expect(isBetterEpoch(entry(0.1), entry(NaN))).toBe(true)
  expect(isBetterEpoch(entry(NaN), entry(0.1))).toBe(false)
  expect(isBetterEpoch(entry(0.9, { mse: NaN }), undefined)).toBe(false)
})

describe('a predictor is reported', () => {
  test.each<[string, EpochEntry | undefined, string, RegExp]>([
    ['without an epoch of finite scores', undefined, 'diverged', /not finite/],
    ['with constant scores', entry(0.5, { spread: 1e-5 }), 'useless', /all its scores are the same/],
    ['without a tau', entry(NaN), 'useless', /tau is NaN/],
    ['with a tau near 0', entry(0.04), 'useless', /tau is 0\.040/],
    ['that finds no more than chance', entry(0.2, { found: 0.29 }), 'useless', /29\.0 %.*chance finds 30 %/],
  ])('%s', (_, best, kind, why) => {
    expect(problemOf(best)).toMatchObject({ kind, why: expect.stringMatching(why) as string })
  })

  test('unless it is good', () => {
    expect(problemOf(entry(0.3))).toBeUndefined()
  })
})
