import { describe, expect, test } from 'vitest'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { RunFlags } from './run-options.ts'
import { whatItTakes } from './what-it-takes.ts'

function said(
  values: Readonly<Record<string, number>>,
  flags: Partial<RunFlags> = {},
  predictor?: LocatedModel['predictor'],
): string {
  const info = {
    ...{ name: 'a', architecture: 'gemma3', quantization: 'F16', weightBytes: 1, trainedContext: 100_000 },
    ...{ layers: 2, kvHeadsByLayer: [1, 1], keyLength: 8, valueLength: 8 },
    architectureValues: new Map(Object.entries(values)),
    ...{ chatTemplate: '{{ messages }}', tokenizer: { model: 'gpt2', pre: 'qwen2' } },
  }
  const located = { info, predictor } as unknown as LocatedModel
  return whatItTakes(located, { samples: 1, kvType: 'f16', thinking: true, ...flags } as RunFlags, 'question').join(
    '\n',
  )
}

describe('what is said of a bound before the model is loaded', () => {
  test('under full attention it is promised', () => {
    expect(said({})).toMatch(/^policy question-window: budget 4096/m)
    expect(said({})).not.toContain('positions only')
  })

  test('how many leave at each eviction, and what stays', () => {
    const lines = said({}, { budget: 256, localWindow: 32, evictEvery: 9 })
    expect(lines).toMatch(/^policy question-window: budget 256, local window 32, evict-every 9$/m)
    expect(lines).toMatch(/^9 cells leave at each eviction and 247 stay: 252 on average once the budget is reached$/m)
    // The question has 8 bytes: 35 tokens, of which the template has 32. Of the other 256 - 35 - 32 cells half stay.
    expect(said({}, { budget: 256, localWindow: 32, ratio: 0.5 })).toMatch(
      /^about 95 cells leave at each eviction and 161 stay: 209 on average once .* with a prompt of about 35 tokens$/m,
    )
    expect(said({}, { budget: 60, localWindow: 32, ratio: 0.5 })).not.toContain('at each eviction')
    expect(said({}, { policy: 'full' })).not.toContain('at each eviction')
  })

  test('a weight of diversity that the predictor recommends, or that is given', () => {
    const predictor = { policy: 'dynts-diverse', diversity: 0.1, budget: 512 } as LocatedModel['predictor']
    expect(said({}, {}, predictor)).toMatch(/^policy dynts-diverse, diversity 0\.1: budget 512, local window 128,/m)
    expect(said({}, { diversity: '1' }, predictor)).toMatch(/^policy dynts-diverse, diversity 1: budget/m)
    expect(said({}, { policy: 'dynts' }, predictor)).toMatch(/^policy dynts: budget/m)
  })

  test('a local window that is smaller than the model’s own', () => {
    const window = { 'attention.sliding_window': 2048 }
    expect(said(window)).toMatch(/newest 2048 positions only; with a local window of 1024 they lose some of these\.$/m)
    expect(said(window, { localWindow: 2048 })).not.toContain('positions only')
    expect(said(window, { policy: 'full' })).not.toContain('positions only')
  })

  test('a budget that no text of the model reaches', () => {
    expect(said({}, { budget: 99_999 })).not.toContain('nothing will be evicted')
    expect(said({}, { budget: 100_000 })).toMatch(
      /^The model was trained for [\d,]+ positions, the budget is as large: nothing will be evicted\.$/m,
    )
    expect(said({}, { budget: 100_000, policy: 'full' })).not.toContain('nothing will be evicted')
  })

  test('recurrent layers rule it out', () => {
    expect(said({ 'wkv.head_size': 16 })).toMatch(/^policy full: the cache is not bounded$/m)
  })
})
