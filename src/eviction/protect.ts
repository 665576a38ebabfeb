/**
 * What a request protects beyond its policy: the question, the answer. In lists and tables a policy under such protection is
 * written `h2o+question`, `h2o+question+answer`, `./mine.ts+question`.
 */
import type { Protection } from '../cache/windows.ts'
import { didYouMean } from '../did-you-mean.ts'
import { InputError } from '../errors.ts'
import { isPolicyFile } from './load-policy.ts'
import type { PolicyDefinition } from './policy.ts'

/** Parts of a text that can be protected under any policy, sorted. */
export const protectableParts = ['answer', 'question'] as const
export type ProtectedPart = (typeof protectableParts)[number]

/** A policy by name or file, and what is protected additionally to what it protects itself. */
export interface PolicyReference {
  readonly policy: string
  /** Sorted, without duplicates. */
  readonly protect: readonly ProtectedPart[]
}

/**
 * Reads `NAME+question+answer`. A `+` inside a file's path belongs to the path.
 * @throws InputError `invalid_protect` for what cannot be protected
 */
export function parsePolicyReference(text: string): PolicyReference {
  const [, policy = text, parts = ''] = (isPolicyFile(text) ? fileWithParts : nameWithParts).exec(text) ?? []
  return { policy, protect: parseProtect(parts.split('+').slice(1)) }
}

const nameWithParts = /^([^+]*)((?:\+[^+]*)*)$/
/** Without an extension only known parts are taken for such. */
const fileWithParts = /^(.*\.[cm]?[jt]s|.*?)((?<=\.[cm]?[jt]s)(?:\+[^+/\\]*)*|(?:\+(?:question|answer))*)$/s

/** The inverse of `parsePolicyReference`. */
export function formatPolicyReference({ policy, protect }: PolicyReference): string {
  // The question stands first, as in the text.
  return [policy, ...[...protect].sort().reverse()].join('+')
}

/**
 * Checks a list of parts; sorted, without duplicates.
 * @throws InputError `invalid_protect`, naming the part that was probably meant
 */
export function parseProtect(parts: readonly unknown[]): readonly ProtectedPart[] {
  for (const part of parts) {
    if (protectableParts.some((known) => known === part)) continue
    const hint = typeof part === 'string' ? didYouMean(part, protectableParts) : ''
    const given = typeof part === 'string' ? `"${part}"` : String(part)
    throw new InputError('invalid_protect', `question and answer can be protected, not ${given}.${hint}`)
  }
  return protectableParts.filter((part) => parts.includes(part))
}

/**
 * What of `protect` takes effect: what the policy does not protect by itself, and nothing under one that never evicts.
 * @param own what the policy protects
 */
export function addedProtection(
  { evicts }: Pick<PolicyDefinition, 'evicts'>,
  own: Protection,
  protect: readonly ProtectedPart[],
): readonly ProtectedPart[] {
  return evicts ? protectableParts.filter((part) => protect.includes(part) && !own[part]) : []
}

/** A policy's protection and what is protected additionally. */
export function withProtection(own: Protection, added: readonly ProtectedPart[]): Protection {
  return { ...own, ...Object.fromEntries(added.map((part) => [part, true])) }
}
