import { describe, expect, test } from 'vitest'
import { parsePolicyReference } from '../../eviction/protect.ts'
import { findPolicy } from '../../eviction/registry.ts'
import { findTask, taskNames } from '../tasks/registry.ts'
import { controls, findPreset, gridOf, presetNames, type GridPoint } from './presets.ts'

const QWEN = 'DeepSeek R1 Distill Qwen 7B'
const LLAMA = 'DeepSeek-R1-Distill-Llama-8B'
const grid = (preset: string, task: string, model = QWEN) => gridOf(findPreset(preset), findTask(task), model)
const bounded = (points: readonly GridPoint[]) => points.filter(({ policy }) => policy !== 'full')

describe('every preset on every task', () => {
  const cases = presetNames.flatMap((preset) => taskNames.map((task) => [preset, task] as const))
  test.each(cases)('%s on %s', (preset, task) => {
    const points = grid(preset, task)
    expect(new Set(points.map((point) => JSON.stringify(point))).size).toBe(points.length)
    const policies = new Set(points.map(({ policy }) => policy))
    for (const control of [...controls, 'dynts']) expect(policies).toContain(control)
    expect(points.filter(({ policy }) => policy === 'full')).toEqual([
      { policy: 'full', budget: null, localWindow: null, ratio: null },
    ])
    // All policies of one comparison have the same settings.
    const settings = (policy: string) =>
      points
        .filter((point) => point.policy === policy)
        .map(({ budget, localWindow, ratio }) => [budget, localWindow, ratio])
    for (const policy of policies) if (policy !== 'full') expect(settings(policy)).toEqual(settings('dynts'))
    for (const { budget, localWindow } of bounded(points)) expect(localWindow).toBeLessThan(budget ?? 0)
  })
})

test.each(['table1', 'ablation'])('%s has each attention-based baseline as published and with its question', (name) => {
  const { policies } = findPreset(name)
  for (const policy of ['h2o', 'snapkv', 'r-kv']) {
    expect(policies).toContain(policy)
    expect(policies).toContain(`${policy}+question`)
  }
  for (const policy of policies) expect(findPolicy(parsePolicyReference(policy).policy).name).toBe(policy.split('+')[0])
})

describe('as the paper has it', () => {
  test.each([
    ['aime24', QWEN, { budget: 5000, localWindow: 2000, ratio: 0.4 }],
    ['gpqa-diamond', LLAMA, { budget: 5000, localWindow: 2000, ratio: 0.3 }],
    ['math500', QWEN, { budget: 3000, localWindow: 1500, ratio: 0.4 }],
    ['gaokao2023en', LLAMA, { budget: 3000, localWindow: 1000, ratio: 0.3 }],
    ['chain', 'tiny', { budget: 320, localWindow: 32, ratio: 0.5 }],
  ])('table1 on %s with %s', (task, model, settings) => {
    const points = grid('table1', task, model)
    expect(points).toHaveLength(18)
    for (const point of bounded(points)) expect(point).toMatchObject(settings)
  })

  test('tasks', () => {
    expect(findPreset('table1').tasks).toHaveLength(6)
    expect(findPreset('ablation').tasks).toEqual(findPreset('table1').tasks)
    expect(findPreset('budget').tasks).toEqual(['aime24', 'aime25', 'amc23', 'gpqa-diamond'])
    expect(findPreset('window-ratio').tasks).toEqual(findPreset('budget').tasks)
  })

  test('sweeps', () => {
    const of = (preset: string, task: string, key: 'budget' | 'localWindow' | 'ratio') => [
      ...new Set(bounded(grid(preset, task)).map((point) => point[key])),
    ]
    expect(of('budget', 'amc23', 'budget')).toEqual([2500, 3000, 3500, 4000, 4500, 5000])
    expect(of('budget', 'chain', 'budget')).toEqual([224, 256, 288, 320, 352, 384, 416, 448])
    expect(of('budget', 'chain', 'localWindow')).toEqual([32])
    expect(of('window-ratio', 'chain', 'budget')).toEqual([256])
    expect(of('window-ratio', 'chain', 'localWindow')).toEqual([16, 32, 48, 64])
    expect(of('window-ratio', 'chain', 'ratio')).toEqual([0.2, 0.4, 0.5, 0.6, 0.8])
    expect(grid('window-ratio', 'aime25')).toHaveLength(1 + 4 * 4 * 5)
  })
})

test('so many cells at each eviction take the place of the ratios', () => {
  const sweep = { ...findPreset('window-ratio'), policies: ['full', 'window'] }
  const points = gridOf({ ...sweep, chain: { ...sweep.chain, evictEvery: [8, 16] } }, findTask('chain'), 'tiny')
  expect(points).toHaveLength(1 + 4 * 2)
  expect(points[1]).toEqual({ policy: 'window', budget: 256, localWindow: 16, ratio: null, evictEvery: 8 })
})

test('a preset that does not exist', () => {
  expect(() => findPreset('table2')).toThrow(/Did you mean table1\?/)
})
