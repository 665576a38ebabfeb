/** What is compared between two back ends: replays of the embedded model's own answers. */
import type { EngineOptions } from '../../src/engine/engine.ts'
import type { GenerateRequest } from '../../src/engine/types.ts'
import { findPolicy, policyNames } from '../../src/eviction/registry.ts'

export interface Case {
  readonly name: string
  readonly request: Pick<GenerateRequest, 'policy' | 'budget' | 'localWindow' | 'ratio'>
  readonly engine: Omit<EngineOptions, 'cells' | 'sequences'>
  /** How many of the questions share a forward pass. */
  readonly together: number
}

/** The embedded predictor's recommendation: several evictions in each answer. */
export const bound = { budget: 320, localWindow: 32, ratio: 0.5 }

const dynts = { policy: 'dynts', ...bound }
const alone = { together: 1 }

/** Every policy, and everything that goes another way on a GPU. */
export const cases: readonly Case[] = [
  { name: 'full, flash attention', request: { policy: 'full' }, engine: { flashAttention: true }, ...alone },
  { name: 'full', request: { policy: 'full' }, engine: { flashAttention: false }, ...alone },
  ...policyNames()
    .map(findPolicy)
    .filter(({ evicts }) => evicts)
    .map(({ name, needs }): Case => {
      const attention = needs.has('attention')
      const engine = { attention, flashAttention: !attention, compaction: 'off' } as const
      return { name, request: { policy: name, ...bound }, engine, ...alone }
    }),
  { name: 'dynts, compaction', request: dynts, engine: { compaction: 'on', flashAttention: true }, ...alone },
  {
    name: 'dynts, compaction, no flash attention',
    request: dynts,
    engine: { compaction: 'on', flashAttention: false },
    ...alone,
  },
  { name: 'dynts, q8_0', request: dynts, engine: { kvType: 'q8_0', compaction: 'on' }, ...alone },
  { name: 'dynts, four at once', request: dynts, engine: { flashAttention: true }, together: 4 },
]

export const questions = 4
