/** Policy and cache settings of a request that leaves them out: the predictor's recommendation, else the general defaults. */
import type { CacheSettings } from '../cache/budget.ts'
import { defined } from '../defined.ts'
import { dyntsDiverse } from '../eviction/policies/dynts-diverse.ts'
import type { PolicyDefinition } from '../eviction/policy.ts'
import { findPolicy } from '../eviction/registry.ts'
import type { ModelFacts } from './forward-pass.ts'
import type { GenerateRequest } from './types.ts'

/** Without a predictor that recommends others. */
export const defaultCacheSettings: CacheSettings = { budget: 4096, localWindow: 1024, ratio: 0.4 }

/** The policy of a model with a predictor that recommends none: better than the paper's on the embedded model (docs/results.md); `fit` compares both. */
export const defaultScoredPolicy = 'dynts-diverse'

/** The policy of a request that names none. */
export function defaultPolicy({
  hasPredictor,
  notEvictable,
  notReadable,
  recommended,
}: Pick<ModelFacts, 'hasPredictor' | 'notEvictable' | 'notReadable' | 'recommended'>): string {
  if (notEvictable !== undefined) return 'full'
  if (!hasPredictor) return 'question-window'
  const policy = recommended.policy ?? defaultScoredPolicy
  return notReadable !== undefined && findPolicy(policy).needs.has('keys') ? 'dynts' : policy
}

/**
 * The settings of a request: what it gives, else the predictor's recommendation, else the general defaults. The default
 * local window shrinks to a quarter of a budget for which it is too large.
 */
export function resolveCacheSettings(
  recommended: ModelFacts['recommended'],
  request: Pick<GenerateRequest, 'budget' | 'localWindow' | 'ratio' | 'evictEvery' | 'segments' | 'valueReserve'>,
): CacheSettings {
  const budget = request.budget ?? recommended.budget ?? defaultCacheSettings.budget
  const localWindow = request.localWindow ?? recommended.localWindow ?? windowOf(budget)
  return {
    budget,
    localWindow,
    ...(sharesOf(request) ?? sharesOf(recommended) ?? { ratio: defaultCacheSettings.ratio }),
    ...defined({
      segments: request.segments ?? recommended.segments,
      valueReserve: request.valueReserve ?? recommended.valueReserve,
    }),
  }
}

/** What is given of a policy's options, and of what is not the predictor's recommendation; the policy's own defaults are for the rest. */
export function resolvePolicyOptions(
  { name }: Pick<PolicyDefinition, 'name'>,
  { diversity }: Pick<ModelFacts['recommended'], 'diversity'>,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const isRecommended = name === dyntsDiverse.name && given['diversity'] === undefined
  return isRecommended ? { ...given, ...defined({ diversity }) } : given
}

function windowOf(budget: number): number {
  const { localWindow } = defaultCacheSettings
  return localWindow > budget / 2 ? Math.max(1, Math.floor(budget / 4)) : localWindow
}

/** Both, if both are given: that is refused where settings are checked. */
function sharesOf({ ratio, evictEvery }: Partial<Pick<CacheSettings, 'ratio' | 'evictEvery'>>) {
  return ratio === undefined && evictEvery === undefined ? undefined : defined({ ratio, evictEvery })
}
