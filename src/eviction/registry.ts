/** The policies by name, and their options as one table. */
import { z } from 'zod'
import { InputError } from '../errors.ts'
import { findNamed } from '../find-named.ts'
import { flagOf } from '../option-names.ts'
import { parseNumber } from '../parse-number.ts'
import { readOptions } from './check-policy.ts'
import { isPolicyFile, loadPolicy } from './load-policy.ts'
import { dkv } from './policies/dkv.ts'
import { dyntsBottom } from './policies/dynts-bottom.ts'
import { dyntsDiverse } from './policies/dynts-diverse.ts'
import { dyntsNoLocal } from './policies/dynts-no-local.ts'
import { dyntsNoQuestion } from './policies/dynts-no-question.ts'
import { dynts } from './policies/dynts.ts'
import { entropy } from './policies/entropy.ts'
import { full } from './policies/full.ts'
import { h2o } from './policies/h2o.ts'
import { keydiff } from './policies/keydiff.ts'
import { knorm } from './policies/knorm.ts'
import { lagkv } from './policies/lagkv.ts'
import { questionWindow } from './policies/question-window.ts'
import { rKv } from './policies/r-kv.ts'
import { random } from './policies/random.ts'
import { sepllm } from './policies/sepllm.ts'
import { snapkv } from './policies/snapkv.ts'
import { streamingLlm } from './policies/streaming-llm.ts'
import { tova } from './policies/tova.ts'
import { tri } from './policies/tri.ts'
import { window } from './policies/window.ts'
import type { PolicyDefinition } from './policy.ts'

const policies: readonly PolicyDefinition[] = [
  dynts,
  dyntsDiverse,
  keydiff,
  lagkv,
  dkv,
  tri,
  entropy,
  questionWindow,
  window,
  streamingLlm,
  sepllm,
  h2o,
  snapkv,
  rKv,
  tova,
  knorm,
  full,
  random,
  dyntsBottom,
  dyntsNoLocal,
  dyntsNoQuestion,
]

/** The names that `findPolicy` knows, in the order for help texts. */
export function policyNames(): string[] {
  return policies.map(({ name }) => name)
}

/** @throws InputError `unknown_policy`, naming all policies and the one that was probably meant */
export function findPolicy(name: string): PolicyDefinition {
  return findNamed(policies, name, 'policy', 'Policies')
}

/**
 * A policy by its name, or a user's own by the path or the `file:` address of its file, which is run.
 * @throws InputError `unknown_policy`; `policy_not_loaded` with the reason
 */
export function resolvePolicy(reference: string): PolicyDefinition {
  if (!isPolicyFile(reference)) return findPolicy(reference)
  const policy = loadPolicy(reference)
  if (policyNames().includes(policy.name)) {
    throw new InputError(
      'policy_not_loaded',
      `${reference}: the name "${policy.name}" is taken by a policy of dynts; give yours another.`,
    )
  }
  try {
    optionsOf(policy)
  } catch {
    throw new InputError('policy_not_loaded', `${reference}: options may be numbers, strings and booleans only`)
  }
  return policy
}

/** One option of one or more policies, as a command line shows it. */
export interface PolicyOption {
  /** Names of the policies that take it. */
  readonly policies: readonly string[]
  /** Key in the policy's options, camelCase. */
  readonly key: string
  /** The same for the command line, e.g. `--observation-window`. */
  readonly flag: string
  readonly description: string
  /** Undefined: the option must be given. */
  readonly default: unknown
  readonly type: 'integer' | 'number' | 'boolean' | 'string'
}

const optionSchema = z.object({
  description: z.string().default(''),
  default: z.unknown().optional(),
  type: z.enum(['integer', 'number', 'boolean', 'string']),
})

/** Every option of every policy, derived from their schemas; policies that share a key share a row. */
export function policyOptionTable(): PolicyOption[] {
  const rows = new Map<string, PolicyOption>()
  for (const option of policies.flatMap(optionsOf)) {
    const row = rows.get(option.key)
    rows.set(option.key, { ...option, policies: [...(row?.policies ?? []), ...option.policies] })
  }
  return [...rows.values()]
}

/**
 * Options for `definition.create`, from a command line's strings or a request's values. Keys that are undefined count as
 * not given.
 * @throws InputError `invalid_policy_option`: an option that the policy does not have, or a value that it cannot use
 */
export function parsePolicyOptions<Options extends z.ZodObject>(
  definition: PolicyDefinition<Options>,
  raw: Readonly<Record<string, unknown>>,
): z.output<Options> {
  const known = optionsOf(definition)
  const given: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(raw)) {
    if (value === undefined) continue
    const option = known.find((candidate) => candidate.key === key)
    if (!option) {
      const names = known.map((option) => `\`${option.key}\``).join(', ') || 'none'
      throw new InputError(
        'invalid_policy_option',
        `Policy ${definition.name} has no option \`${key}\`; its options: ${names}.`,
      )
    }
    given[key] = fromText(value, option.type)
  }
  const parsed = readOptions(definition, () => definition.options.safeParse(given))
  if (parsed.success) return parsed.data
  const reasons = parsed.error.issues.map(({ path, message }) => `\`${String(path[0] ?? 'options')}\`: ${message}`)
  throw new InputError('invalid_policy_option', `Policy ${definition.name} cannot use ${reasons.join('; ')}.`)
}

function optionsOf({ name, options }: PolicyDefinition): PolicyOption[] {
  const { properties = {} } = z.toJSONSchema(options, { io: 'input' })
  return Object.entries(properties).map(([key, schema]) => {
    const { description, default: value, type } = optionSchema.parse(schema)
    return { policies: [name], key, flag: flagOf(key), description, default: value, type }
  })
}

/** Text that does not fit the type stays text, for the schema to refuse. */
function fromText(value: unknown, type: PolicyOption['type']): unknown {
  if (typeof value !== 'string' || type === 'string') return value
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return parseNumber(value) ?? value
}
