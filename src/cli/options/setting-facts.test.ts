import { expect, test } from 'vitest'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { policyBeforeLoading, windowLoss } from './setting-facts.ts'

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

test('what a local window below the model’s own means', () => {
  const { info } = located(6)
  expect(windowLoss(511, info)).toEqual([
    'Some layers of the model may see the newest 512 positions only; with a local window of 511 they lose some of these.',
  ])
  expect(windowLoss(512, info)).toEqual([])
  expect(windowLoss(undefined, info)).toEqual([])
  // Llama 4 states none.
  const llama4 = { ...info, architecture: 'llama4', architectureValues: new Map<string, number>() }
  expect(windowLoss(1024, llama4)[0]).toMatch(/^Some layers .* newest 8192 positions/)
})
