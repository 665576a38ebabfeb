/**
 * The policies that a command line chooses: each with its name, whatever file it is from, what is protected under it, and its
 * options. Runs the files of users' own policies.
 */
import type { Command } from 'commander'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { protectionOf } from '../../eviction/check-policy.ts'
import type { PolicyDefinition } from '../../eviction/policy.ts'
import { addedProtection, formatPolicyReference, parsePolicyReference, parseProtect } from '../../eviction/protect.ts'
import type { ProtectedPart } from '../../eviction/protect.ts'
import { parsePolicyOptions, policyOptionTable, resolvePolicy } from '../../eviction/registry.ts'
import { collect, names, refuseWithoutEffect } from './option-values.ts'

export function addPolicyOptions(command: Command): Command {
  for (const { flag, description, default: fallback, policies } of policyOptionTable()) {
    command.option(`${flag} <value>`, `${description} (${policies.join(', ')}; default: ${String(fallback)})`)
  }
  return command
    .option(
      '--policy-option <name=value>',
      'option of a policy of your own; POLICY.name=value for one of several; may be repeated',
      collect,
    )
    .option(
      '--protect <parts>',
      'question, answer, or both: never evicted, whatever the policy (h2o+question in a list: under that policy alone)',
      names,
    )
}

/** What of a command's flags is about policies. */
export interface PolicyFlags {
  /** `key=value` or `NAME.key=value`. */
  readonly policyOption?: readonly string[] | undefined
  /** Beside what a policy protects itself. */
  readonly protect?: readonly string[] | undefined
  /** Options of single policies, e.g. `sinks`. */
  readonly [policyOption: string]: unknown
}

export interface ChosenPolicy {
  /** As the user wrote it. */
  readonly reference: string
  readonly definition: PolicyDefinition
  /** What takes effect of the protection that was asked for. */
  readonly protect: readonly ProtectedPart[]
  /** As given; what is left out is the predictor's recommendation or the policy's default. */
  readonly options: Readonly<Record<string, unknown>>
  /** What it is called in tables: `h2o+question`. */
  readonly title: string
}

/**
 * @param references names or files, with `+question`, `+answer` for what is protected under each
 * @throws InputError `unknown_policy`, `policy_not_loaded`, `invalid_protect`, `invalid_policy_option`; `invalid_option` for
 *   policies that could not be told apart, and for what would have no effect under any
 */
export function choosePolicies(references: readonly string[], flags: PolicyFlags): ChosenPolicy[] {
  const everywhere = parseProtect(flags.protect ?? [])
  const named = references.map((reference) => {
    const { policy, protect } = parsePolicyReference(reference)
    return { reference, definition: resolvePolicy(policy), protect }
  })
  const options = optionsByPolicy(
    named.map(({ definition }) => definition),
    flags,
  )
  const chosen = named.map(({ reference, definition, protect }): ChosenPolicy => {
    const own = options.get(definition) ?? {}
    const protects = protectionOf(definition, parsePolicyOptions(definition, own))
    const added = (parts: readonly ProtectedPart[]) => addedProtection(definition, protects, parts)
    const idle = protect.find((part) => !added([part]).includes(part))
    if (idle !== undefined) throw withoutEffect(`${reference}: "+${idle}" has no effect`, definition, idle)
    const takesEffect = added([...protect, ...everywhere])
    const title = formatPolicyReference({ policy: definition.name, protect: takesEffect })
    return { reference, definition, protect: takesEffect, options: own, title }
  })
  refuseSameName(chosen)
  const idle = everywhere.find((part) => !chosen.some(({ protect }) => protect.includes(part)))
  const [first] = chosen
  if (idle !== undefined && first) {
    throw withoutEffect(
      `--protect ${idle} has no effect under ${chosen.map(({ title }) => title).join(', ')}`,
      first.definition,
      idle,
    )
  }
  return chosen
}

function withoutEffect(what: string, { name, evicts }: PolicyDefinition, part: ProtectedPart): InputError {
  const why = evicts ? `${name} protects the ${part} itself` : `under ${name} nothing is evicted`
  return new InputError('invalid_option', `${what}: ${why}`)
}

function refuseSameName(chosen: readonly ChosenPolicy[]): void {
  for (const [i, one] of chosen.entries()) {
    const earlier = chosen.slice(0, i).find(({ title }) => title === one.title)
    if (!earlier) continue
    const files = earlier.definition.file === one.definition.file
    throw new InputError(
      'invalid_option',
      files
        ? `the policy ${one.title} is named twice`
        : `${earlier.reference} and ${one.reference} are both called ${one.title}: give one of them another name`,
    )
  }
}

/** Policies under several protections share their options. */
function optionsByPolicy(all: readonly PolicyDefinition[], flags: PolicyFlags) {
  const policies = [...new Set(all)]
  const raw = new Map<PolicyDefinition, Record<string, unknown>>(policies.map((policy) => [policy, {}]))
  const give = (policy: PolicyDefinition, key: string, value: unknown, flag: string) => {
    const given = raw.get(policy) ?? {}
    if (Object.hasOwn(given, key)) throw invalid(`${flag} sets ${key} of ${policy.name} a second time`)
    given[key] = value
  }
  for (const { key, flag, policies: takers } of policyOptionTable()) {
    const value = flags[key]
    if (value === undefined) continue
    const taking = policies.filter(({ name }) => takers.includes(name))
    if (taking.length === 0) throw invalid(`${flag} is an option of ${takers.join(', ')} only`)
    for (const policy of taking) give(policy, key, value, flag)
  }
  for (const text of flags.policyOption ?? []) {
    const { policy, key, value } = givenOption(text, policies)
    give(policy, key, value, `--policy-option ${text}`)
  }
  return new Map(Array.from(raw, ([policy, given]) => [policy, readOf(policy, given)]))
}

/** The options that are given, as the policy reads them. */
function readOf(policy: PolicyDefinition, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const read = parsePolicyOptions(policy, given)
  return Object.fromEntries(Object.keys(given).map((key) => [key, read[key]]))
}

function givenOption(text: string, policies: readonly PolicyDefinition[]) {
  const [, name, key, value] = /^(?:([^.=]+)\.)?([^.=]+)=(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined) {
    throw invalid(`--policy-option must be name=value, or POLICY.name=value for one of several policies, not ${text}`)
  }
  const called = policies.filter((policy) => policy.name === name)
  if (name !== undefined && called.length === 0) {
    throw invalid(`--policy-option ${text}: ${name} is not among the policies ${namesOf(policies)}`)
  }
  const takers = policies.filter(({ options }) => Object.hasOwn(options.shape, key))
  const own = policies.filter(({ file }) => file !== undefined)
  const [policy, ...more] = name === undefined ? (takers.length > 0 ? takers : own) : called
  if (!policy) throw invalid(`--policy-option is for a policy of your own, from a file, or for POLICY.name=value`)
  if (more.length > 0) {
    throw invalid(
      takers.length > 0
        ? `--policy-option ${text}: ${namesOf(takers)} have such an option; say which: ${policy.name}.${text}`
        : `--policy-option ${text}: none of ${namesOf(policies)} has such an option`,
    )
  }
  return { policy, key, value }
}

function namesOf(policies: readonly PolicyDefinition[]): string {
  return policies.map(({ name }) => name).join(', ')
}

function invalid(message: string): InputError {
  return new InputError('invalid_policy_option', message)
}

/** The policy in a request: by its file, if it has one. */
export function policyOfRequest({
  definition: { name, file },
  options,
  protect,
}: ChosenPolicy): Pick<GenerateRequest, 'policy' | 'policyOptions' | 'protect'> {
  return { policy: file ?? name, policyOptions: options, protect }
}

/**
 * Refuses the settings of a cache where no policy bounds one.
 * @param settings by flag
 * @throws InputError `invalid_option`
 */
export function refuseUnbounded(chosen: readonly ChosenPolicy[], settings: Readonly<Record<string, unknown>>): void {
  if (chosen.some(({ definition }) => definition.evicts)) return
  refuseWithoutEffect(settings, `under policy ${chosen.map(({ title }) => title).join(', ')}, which never evicts`)
}
