import { expect, test } from 'vitest'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { policyBeforeLoading } from './setting-facts.ts'

function located(pattern: number): LocatedModel {
  const values = new Map([
    ['attention.sliding_window', 512],
    ['attention.sliding_window_pattern', pattern],
  ])
  const info = { architecture: 'gemma3', layers: 12, kvHeads: 1, architectureValues: values }
  return { info, predictor: {} } as unknown as LocatedModel
}

test.each([
  [6, 'dynts-diverse'],
  [0, 'dynts'],
])('with full attention in every layer of %i, a predictor is used under %s', (pattern, policy) => {
  expect(policyBeforeLoading(located(pattern), 'off')).toBe(policy)
})
