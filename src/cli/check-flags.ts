/**
 * Refuses what no generation could run with before a model is loaded, so that bad input costs nothing and gives one line.
 * The engine checks all of it again; only it knows how long the prompt is.
 */
import { validateCacheSettings, type CacheSettings } from '../cache/budget.ts'
import { resolveCacheSettings } from '../engine/prepare.ts'
import { InputError } from '../errors.ts'
import { isPolicyFile } from '../eviction/load-policy.ts'
import { findPolicy } from '../eviction/registry.ts'
import { defaultSampling, validateSampling, type SamplingSettings } from '../llama/index.ts'
import { requestOf, type RunFlags } from './run-options.ts'

/**
 * What can be said without a model.
 * @param policies as `policiesOf` gives them
 * @throws InputError `invalid_option`, `invalid_sampling`, `invalid_policy_option`; for a policy that reads attention weights
 *   `invalid_option` where there are none
 */
export function checkFlags(flags: RunFlags, policies: readonly (string | undefined)[]): void {
  checkWhole('--samples', flags.samples, 1, 256)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  checkWhole('--thinking-budget', flags.thinkingBudget, 0)
  checkWhole('--threads', flags.threads, 1, 512)
  checkWhole('--gpu-layers', flags.gpuLayers, 0, 2 ** 31 - 1)
  if (flags.stop?.includes('')) throw new InputError('invalid_option', '--stop must not be empty')
  for (const policy of policies) {
    const { sampling = {}, seed = 0 } = requestOf(flags, '', policy, flags.samples - 1)
    const given = Object.entries(sampling).filter(([, value]) => value !== undefined)
    const settings: SamplingSettings = { ...defaultSampling, ...Object.fromEntries(given) }
    validateSampling(settings, flags.seed)
    validateSampling(settings, seed)
    if (policy !== undefined && !isPolicyFile(policy)) checkAttention(flags, policy)
  }
}

/**
 * What can be said as soon as it is known which settings the predictor recommends.
 * @throws InputError `missing_predictor`, `invalid_budget`, `invalid_local_window`, `invalid_ratio`
 */
export function checkCacheFlags(
  flags: RunFlags,
  policies: readonly (string | undefined)[],
  predictor: Partial<CacheSettings> | undefined,
): void {
  // What a user's own policy needs is known when the engine has loaded it.
  const named = policies.filter((policy) => policy !== undefined)
  const definitions = named.filter((policy) => !isPolicyFile(policy)).map(findPolicy)
  const lacking = definitions.find(({ needs }) => needs.has('hidden-state'))
  if (lacking && !predictor) {
    throw new InputError(
      'missing_predictor',
      `policy ${lacking.name} needs an importance predictor that was trained for this model: give --predictor FILE, or use --policy question-window`,
    )
  }
  const bounded = policies.includes(undefined) || named.some(isPolicyFile) || definitions.some(({ evicts }) => evicts)
  if (bounded) validateCacheSettings(resolveCacheSettings(predictor ?? {}, flags))
}

/** Attention weights exist only without flash attention. */
function checkAttention({ kvType, flashAttention }: RunFlags, policy: string): void {
  if (!findPolicy(policy).needs.has('attention')) return
  if (kvType === 'q8_0') {
    throw new InputError(
      'invalid_option',
      `policy ${policy} reads attention weights, which a q8_0 cache does not allow: use --kv-type f16`,
    )
  }
  if (flashAttention === 'on') {
    throw new InputError(
      'invalid_option',
      `policy ${policy} reads attention weights, which flash attention does not allow: leave --flash-attention out`,
    )
  }
}

/** @throws InputError `invalid_option` */
export function checkWhole(flag: string, value: number | undefined, least: number, most = Infinity): void {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`
  throw new InputError('invalid_option', `${flag} must be a whole number ${range}, not ${value}`)
}
