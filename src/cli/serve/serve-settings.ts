/** What a server does with requests: its defaults, its policies, its names, and who may ask. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { CacheSettings } from '../../cache/budget.ts'
import { defined } from '../../defined.ts'
import { fingerprint, type LocatedModel } from '../../engine/locate-model.ts'
import type { SettingFacts } from '../../engine/prepare.ts'
import { formatPolicyReference, parsePolicyReference } from '../../eviction/protect.ts'
import { policyNames, resolvePolicy } from '../../eviction/registry.ts'
import { defaultSampling, findToolFormat, templateFacts } from '../../llama/index.ts'
import { servedHosts, type ApiKey } from '../../server/access.ts'
import type { ServedPolicy } from '../../server/chat/sampling-fields.ts'
import type { ServerSettings } from '../../server/server-state.ts'
import type { ChosenPolicy } from '../options/chosen-policies.ts'
import { packageVersion } from '../package-version.ts'
import { effortBudgets, type ServeFlags } from './serve-options.ts'
import { settingFacts } from '../options/setting-facts.ts'
import { cacheSettingsOf } from '../options/setting-flags.ts'

interface Served {
  readonly located: LocatedModel
  readonly chosen: ChosenPolicy
  /** null: the full cache. */
  readonly bound: CacheSettings | null
  /** Whether the engine reads attention weights. */
  readonly attention: boolean
  readonly keys: readonly ApiKey[]
}

/** @throws InputError `invalid_option` for `--effort-budgets` */
export function serverSettings(flags: ServeFlags, { located, chosen, bound, attention, keys }: Served): ServerSettings {
  const aliases = aliasesOf(flags, located)
  const { name, file } = chosen.definition
  return {
    aliases,
    isStrictModel: flags.strictModel ?? false,
    bound,
    kvType: flags.kvType,
    template: templateFacts(located.info.chatTemplate),
    defaults: {
      maxTokens: flags.maxTokens,
      maxTokensLimit: flags.maxTokensLimit,
      thinkingBudget: flags.thinkingBudget,
      effortBudgets: effortBudgets(flags.effortBudgets),
      system: flags.system,
      sampling: { ...defaultSampling, ...samplingOf(flags) },
      policy: formatPolicyReference({ policy: file ?? name, protect: chosen.protect }),
      policyOptions: chosen.options,
      ...cacheSettingsOf(flags),
      policies: policiesOf(settingFacts(located), attention, chosen.reference),
      slots: flags.parallel,
      trustsSpecial: flags.trustSpecial ?? false,
      toolFormat: findToolFormat(located.info.chatTemplate ?? ''),
    },
    answers: {
      model: aliases[0],
      tags: located.thinkingTags,
      reasoningField: flags.reasoningField,
    },
    digest: digestOf(located, flags.kvType),
    access: {
      hosts: servedHosts(flags.host, flags.allowHost ?? []),
      origins: new Set(flags.allowOrigin ?? []),
      keys,
    },
    mostBodyBytes: flags.maxBody,
    mostTextBytes: flags.maxText,
    pingMs: flags.pingInterval * 1000,
    version: packageVersion(),
    hasMetrics: flags.metrics,
    hasSlots: flags.slots,
    hasPage: flags.page,
    sharesPrompts: flags.sharePrompts ?? false,
    logsPrompts: flags.logPrompts ?? false,
  }
}

/** What requests may name: the built-in policies that this engine can carry out, and the server's own. */
function policiesOf(facts: SettingFacts, attention: boolean, own: string): ReadonlyMap<string, ServedPolicy> {
  const builtIn = policyNames().filter((name) => {
    const { needs, evicts } = resolvePolicy(name)
    if (needs.has('attention') && !attention) return false
    if (needs.has('hidden-state') && !facts.hasPredictor) return false
    if (needs.has('calibration') && !facts.hasCalibration) return false
    return !evicts || facts.notEvictable === undefined
  })
  const { policy } = parsePolicyReference(own)
  const served = [...builtIn, policy].map((reference) => ({ reference, definition: resolvePolicy(reference) }))
  return new Map(served.map((one) => [one.definition.name, one] as const))
}

export function samplingOf({ temperature, topK, topP, minP, repeatPenalty }: ServeFlags) {
  return defined({ temperature, topK, topP, minP, repeatPenalty })
}

function aliasesOf({ alias, model }: ServeFlags, { info }: LocatedModel): [string, ...string[]] {
  const [first, ...others] = alias ?? []
  if (first !== undefined) return [first, ...others]
  return [model === 'tiny' ? model : info.path.replace(/^.*[\\/]/, '').replace(/\.gguf$/i, '')]
}

/** A predictor counts by what it has learnt. */
export function digestOf(
  { info, predictor }: Pick<LocatedModel, 'info' | 'predictor'>,
  kvType: ServeFlags['kvType'],
): string {
  const hash = createHash('sha256').update(JSON.stringify([fingerprint(info), info.fileBytes, kvType]))
  if (predictor) hash.update(readFileSync(predictor.path))
  return hash.digest('hex').slice(0, 8)
}
