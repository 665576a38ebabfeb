import { expect, test } from 'vitest'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { EvalPlan } from '../../evaluation/run/eval-plan.ts'
import { fakePlan, point } from '../../evaluation/run/records.fake.ts'
import { whatIsPlanned } from './eval-plan-text.ts'

const located = {
  info: {
    name: 'a model',
    architecture: 'qwen2',
    quantization: 'F16',
    ...{ trainedContext: 8192, layers: 2, kvHeads: 2, architectureValues: new Map() },
    chatTemplate: 'x',
    tokenizer: {},
  },
  predictor: undefined,
} as unknown as LocatedModel
const where = { parallel: () => 8, shard: undefined, output: 'out', held: [] }
const said = (plan: EvalPlan, more = {}) => whatIsPlanned(located, plan, { ...where, ...more })

test('model, task, one line for each policy, folder', () => {
  const plan = fakePlan({ points: [point('full'), point('window', { limit: 1 })], items: 2, samples: 5 })
  expect(said(plan)).toEqual([
    'a model (qwen2, F16), without an importance predictor; cache f16, seed 1',
    'chain (a test): temperature 0.6, top-p 0.95, top-k 20, at most 100 tokens, up to 8 at the same time',
    '  full: 2 items x 5 samples',
    '  window B 320 W_l 32 ratio 0.5: 1 item x 5 samples',
    // Half of the 320 - 36 - 32 cells that a prompt of 10 bytes and its template leave.
    '  B 320 W_l 32 ratio 0.5: about 126 cells leave at each eviction and 194 stay: 257.5 on average once the budget is reached, with a prompt of about 36 tokens',
    'into out',
  ])
  expect(said(plan, { held: ['gsm8k', 'line'] }).at(-1)).toBe('adds to what out has of gsm8k, line')
  expect(said({ ...plan, template: 'a hash' })[1]).toMatch(/^with the chat template, .* that were given$/)
  expect(said(plan, { parallel: undefined, shard: { index: 2, count: 3 } })).toEqual(
    expect.arrayContaining([expect.stringMatching(/, by workers$/), 'into out, part 2 of 3']),
  )
})

test('a local window that is smaller than the model’s own', () => {
  const gemma = { ...located, info: { ...located.info, architecture: 'gemma2' } }
  const points = [point('full'), point('window', { localWindow: 16 }), point('window', { localWindow: 64 })]
  expect(whatIsPlanned(gemma, fakePlan({ points }), where)).toContain(
    'Some layers of the model may see the newest 4096 positions only; with a local window of 16 they lose some of these.',
  )
  for (const [of, only] of [
    [gemma, point('full')],
    [gemma, point('window', { localWindow: 4096, budget: 8192 })],
    [located, point('window')],
  ] as const) {
    expect(whatIsPlanned(of, fakePlan({ points: [only] }), where).join()).not.toContain('positions only')
  }
})

test('a grid is one line for each policy, unless it has gaps', () => {
  const grid = [16, 32].flatMap((localWindow) => [0.2, 0.5].map((ratio) => point('dynts', { localWindow, ratio })))
  const lines = (points: typeof grid) => said(fakePlan({ points })).filter((line) => line.startsWith('  dynts'))
  expect(lines(grid)).toEqual(['  dynts B 320 W_l 16,32 ratio 0.2,0.5: 4 configurations, each 3 items'])
  expect(lines(grid.slice(1))).toEqual([
    '  dynts B 320 W_l 16 ratio 0.5: 3 items',
    '  dynts B 320 W_l 32 ratio 0.2: 3 items',
    '  dynts B 320 W_l 32 ratio 0.5: 3 items',
  ])
  expect(said(fakePlan({ points: grid, metrics: ['replay-loss'] }))).toEqual(
    expect.arrayContaining([
      '  full: 3 items',
      '  dynts B 320 W_l 16,32 ratio 0.2,0.5: 4 configurations, each 3 items, replays',
    ]),
  )
})

test('a grid by how many cells leave is another than one by ratio', () => {
  const every = [8, 16].map((evictEvery) => point('dynts', { ratio: null, evictEvery }))
  const lines = said(fakePlan({ points: [point('dynts'), ...every, point('window', { ratio: null, evictEvery: 8 })] }))
  expect(lines.filter((line) => line.startsWith('  '))).toEqual([
    '  dynts B 320 W_l 32 ratio 0.5: 3 items',
    '  dynts B 320 W_l 32 evict-every 8,16: 2 configurations, each 3 items',
    '  window B 320 W_l 32 evict-every 8: 3 items',
    expect.stringMatching(/^ {2}B 320 W_l 32 ratio 0\.5: about 126 cells leave /),
    '  B 320 W_l 32 evict-every 8: 8 cells leave at each eviction and 312 stay: 316.5 on average once the budget is reached',
    '  B 320 W_l 32 evict-every 16: 16 cells leave at each eviction and 304 stay: 312.5 on average once the budget is reached',
  ])
})

test('what ends a generation before its most tokens do is said', () => {
  expect(said(fakePlan({ maxTokens: 8191 })).join('\n')).not.toContain('trained')
  expect(said(fakePlan({ maxTokens: 16_384 }))).toContain(
    'The model was trained for 8,192 positions: a generation that reaches them ends there, and counts as cut off.',
  )
})
