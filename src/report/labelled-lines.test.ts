import { expect, test } from 'vitest'
import { labelledLines } from './labelled-lines.ts'

const policies = ['dynts-diverse', 'dynts', 'keydiff', 'r-kv+question', 'r-kv', 'question-window', 'random']
/** All policies end within 3 % of each other. @param apart cells between policies at one budget */
const rowsOf = (apart: number) => [
  { policy: 'full', B: null, accuracy: 94, 'accuracy low': 92, 'accuracy high': 96, cells: 500 },
  ...policies.flatMap((policy, i) =>
    [224, 256, 320].map((B, j) => ({
      ...{ policy, B, cells: 0.7 * B + apart * i },
      ...{ accuracy: 50 + 15 * j + i / 2, 'accuracy low': 45 + 15 * j, 'accuracy high': 60 + 15 * j },
    })),
  ),
]
const specOf = (apart: number) =>
  JSON.stringify(
    labelledLines(rowsOf(apart), {
      x: { field: 'cells', title: 'cells' },
      y: { field: 'accuracy', title: 'accuracy' },
      setting: 'B',
    }),
  )
const found = (spec: string, pattern: RegExp) => [...new Set([...spec.matchAll(pattern)].map(([all]) => all))]

test('no two policies have the same form, filled or open', () => {
  expect(found(specOf(0), /"filled":(true|false),"size":110,"opacity":1,"shape":"[^"]+"/g)).toHaveLength(
    policies.length,
  )
})

test('names stand at least a line apart, within the height of the picture', () => {
  const spec = specOf(0)
  const places = found(spec, /"place":[\d.]+/g).map((text) => Number(text.slice('"place":'.length)))
  const [low, high] = /"domain":\[([\d.]+),([\d.]+)\],"nice":false,"zero":false\},"title":"accuracy"/
    .exec(spec)!
    .slice(1)
    .map(Number) as [number, number]
  const height = Number(/"height":(\d+)/.exec(spec)![1])
  const pixels = places.map((place) => (height * (place - low)) / (high - low)).sort((a, b) => a - b)
  expect(pixels).toHaveLength(policies.length + 1)
  expect(pixels[0]).toBeGreaterThanOrEqual(-1e-6)
  expect(pixels.at(-1)).toBeLessThanOrEqual(height + 1e-6)
  for (const [i, pixel] of pixels.slice(1).entries()) expect(pixel - pixels[i]!).toBeGreaterThan(20.9)
})

test('policies with the same cells stand side by side above their budget, others where their cells are', () => {
  const together = specOf(0)
  expect(together).toContain('? \\"B 256\\"')
  expect(found(together, /"xOffset":-?[\d.]+/g)).toHaveLength(policies.length)
  // 8 cells are far apart; 1.5 are nearer than a point is wide, but the budgets' points have no common place.
  const apart = specOf(8)
  expect(apart).not.toContain('B 256')
  expect(found(apart, /"xOffset":-?[\d.]+/g).map((text) => Math.abs(Number(text.split(':')[1])))).toEqual([0])
  const crowded = specOf(1.5)
  expect(crowded).not.toContain('B 256')
  expect(found(crowded, /"xOffset":-?[\d.]+/g)).toHaveLength(policies.length)
})
