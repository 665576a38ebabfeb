/** What requests of both kinds have in common: how tokens are drawn, where it ends, and how the cache is bounded. */
import { randomInt } from 'node:crypto'
import { z } from 'zod'
import { strictShape } from '../../check-shape.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import type { PolicyDefinition } from '../../eviction/policy.ts'
import { parsePolicyReference } from '../../eviction/protect.ts'
import type { ToolFormat } from '../../llama/index.ts'
import { ApiError, quoted } from '../api-error.ts'

const number = (least: number, most: number) =>
  z.number('it must be a number').min(least, `it must be at least ${least}`).max(most, `it must be at most ${most}`)
const whole = (least: number, most = 2 ** 31 - 1) =>
  z.int('it must be a whole number').min(least, `it must be at least ${least}`).max(most, `it must be at most ${most}`)
const yesOrNo = z.boolean('it must be true or false')
const stopText = z
  .string('it must be a text')
  .min(1, 'it must not be empty')
  .max(256, 'it must have at most 256 characters')
const positive = z.number('it must be a number').gt(0, 'it must be above 0').max(10, 'it must be at most 10')

/** Of the cache; names that are not known are refused. */
const dynts = strictShape({
  policy: z.string('it must be a string').nullish(),
  budget: whole(1).nullish(),
  local_window: whole(1).nullish(),
  ratio: number(0, 1).nullish(),
  evict_every: whole(1).nullish(),
  segments: whole(2).nullish(),
  value_reserve: number(0, 1).nullish(),
  policy_options: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), 'it must be an object')
    .nullish(),
  answer_reserve: whole(1).nullish(),
  events: yesOrNo.nullish(),
})

export const samplingFields = {
  model: z.string('it must be a string').max(256, 'it is too long').nullish(),
  stream: yesOrNo.nullish(),
  stream_options: z
    .looseObject({
      include_usage: yesOrNo.nullish(),
      continuous_usage_stats: z.literal(false, 'usage is told once, at the end: leave it out').nullish(),
    })
    .nullish(),
  max_completion_tokens: whole(-1).nullish(),
  max_tokens: whole(-1).nullish(),
  n_predict: whole(-1).nullish(),
  temperature: number(0, 100).nullish(),
  top_p: number(0, 1).nullish(),
  top_k: whole(-1).nullish(),
  min_p: z.number('it must be a number').min(0, 'it must be at least 0').lt(1, 'it must be below 1').nullish(),
  repeat_penalty: positive.nullish(),
  repetition_penalty: positive.nullish(),
  repeat_last_n: whole(-1, 65_536).nullish(),
  frequency_penalty: number(-2, 2).nullish(),
  presence_penalty: number(-2, 2).nullish(),
  seed: z.int('it must be a whole number').nullish(),
  stop: z
    .union(
      [stopText, z.array(stopText).max(16, 'it must have at most 16 texts')],
      'it must be a text, or a list of texts',
    )
    .nullish(),
  n: whole(1, 4096).nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,9}$/, 'the names must be token ids'), number(-100, 100))
    .refine((given) => Object.keys(given).length <= 1024, 'it must have at most 1024 tokens')
    .nullish(),
  cache_prompt: yesOrNo.nullish(),
  return_progress: yesOrNo.nullish(),
  return_token_ids: yesOrNo.nullish(),
  return_tokens: yesOrNo.nullish(),
  dynts: dynts.nullish(),
}
export type SamplingFields = z.infer<z.ZodObject<typeof samplingFields>>

/** A policy that requests may name. */
export interface ServedPolicy {
  /** What the library is given: a file only for the policy that the server was started with. */
  readonly reference: string
  readonly definition: PolicyDefinition
}

export interface RequestDefaults {
  readonly maxTokens: number
  readonly maxTokensLimit: number | undefined
  readonly thinkingBudget: number | undefined
  /** Thinking budgets by effort, for requests that name no budget. */
  readonly effortBudgets?: ReadonlyMap<string, number> | undefined
  /** The system message of conversations that have none. */
  readonly system?: string | undefined
  readonly sampling: NonNullable<GenerateRequest['sampling']>
  readonly policy: string
  readonly policyOptions: Readonly<Record<string, unknown>>
  readonly budget: number | undefined
  readonly localWindow: number | undefined
  readonly ratio: number | undefined
  readonly evictEvery: number | undefined
  readonly segments: number | undefined
  readonly valueReserve: number | undefined
  /** By the names that requests may give. */
  readonly policies: ReadonlyMap<string, ServedPolicy>
  readonly slots: number
  /** Whether special tokens that a user's message spells are special. */
  readonly trustsSpecial: boolean
  /** How the model's template wants functions to be called; undefined: no way that is known. */
  readonly toolFormat: ToolFormat | undefined
}

/** The limits of a request's tokens. */
export interface TokenLimit {
  readonly maxTokens: number
  /** False: the number is the default, and shrinks to what fits. */
  readonly isGiven: boolean
}

/** Whether the budget of a request is the server's. */
export function mayGrow({ dynts: given }: SamplingFields): boolean {
  return typeof given?.budget !== 'number'
}

const largestSeed = 2 ** 32 - 1

/** The seed of the first choice; drawn if none is given, so that two requests differ. */
export function seedOf({ seed }: SamplingFields): number {
  if (seed === null || seed === undefined || seed === -1) return randomInt(largestSeed)
  return ((seed % largestSeed) + largestSeed) % largestSeed
}

/** @throws ApiError `invalid_value` */
export function tokenLimit(
  given: SamplingFields,
  { maxTokens, maxTokensLimit = Infinity }: RequestDefaults,
  least: 0 | 1 = 1,
): TokenLimit {
  const first = (['max_completion_tokens', 'max_tokens', 'n_predict'] as const).find(
    (name) => typeof given[name] === 'number',
  )
  const value = first === undefined ? -1 : (given[first] ?? -1)
  if (first === undefined || value === -1) return { maxTokens: Math.min(maxTokens, maxTokensLimit), isGiven: false }
  const most = Math.min(maxTokensLimit, 2 ** 31 - 1)
  if (value < least || value > most) {
    throw new ApiError(400, 'invalid_value', `${first} must be from ${least} to ${most}, or -1, not ${value}`, {
      param: first,
    })
  }
  return { maxTokens: value, isGiven: true }
}

/**
 * The request for the engine, without its prompt and its seed.
 * @throws ApiError `unknown_policy`, `conflicting_parameters`
 */
export function generationOf(
  given: SamplingFields,
  defaults: RequestDefaults,
): Omit<GenerateRequest, 'prompt' | 'seed'> {
  const { policy, budget, local_window, ratio, evict_every, policy_options, answer_reserve } = given.dynts ?? {}
  const { segments, value_reserve } = given.dynts ?? {}
  const reference = policy ? referenceOf(policy, defaults) : defaults.policy
  const isDefault = reference === defaults.policy
  const share = defined({ ratio, evictEvery: evict_every })
  const hasShare = Object.keys(share).length > 0
  const settings = {
    ...defined({ budget: defaults.budget, localWindow: defaults.localWindow }),
    ...defined({ segments: defaults.segments, valueReserve: defaults.valueReserve }),
    ...defined({ budget, localWindow: local_window, segments, valueReserve: value_reserve }),
    // Each says how many leave, so one of the request's replaces the server's.
    ...(hasShare ? share : defined({ ratio: defaults.ratio, evictEvery: defaults.evictEvery })),
  }
  return {
    policy: reference,
    policyOptions: { ...(isDefault ? defaults.policyOptions : {}), ...(policy_options ?? {}) },
    ...settings,
    promptReuse: given.cache_prompt === false ? 'none' : 'prefix',
    sampling: { ...defaults.sampling, ...samplingOf(given) },
    stop: typeof given.stop === 'string' ? [given.stop] : (given.stop ?? []),
    logitBias: Object.entries(given.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias] as const),
    // How much of it was copied is told of slots, whoever asks for more.
    promptProgress: true,
    ...defined({ answerReserve: answer_reserve ?? undefined }),
  }
}

/** The policy that a request will run under, if it is one that there is. */
export function policyOf(given: SamplingFields, { policy, policies }: RequestDefaults): PolicyDefinition | undefined {
  const { policy: wanted } = parsePolicyReference(given.dynts?.policy ?? policy)
  const found = [...policies.values()].find(({ reference, definition }) =>
    [reference, definition.name].includes(wanted),
  )
  return found?.definition
}

/**
 * A request's policy, `+question` or `+answer` behind it allowed. What a client sends never reaches the library as a file's name.
 * @throws ApiError `unknown_policy`
 */
function referenceOf(given: string, { policies }: RequestDefaults): string {
  const [name = '', ...parts] = given.split('+')
  const reference = policies.get(name)?.reference
  if (reference !== undefined && parts.every((part) => part === 'question' || part === 'answer')) {
    return [reference, ...parts].join('+')
  }
  const message = `there is no policy ${quoted(given)} here; there are ${[...policies.keys()].join(', ')}`
  throw new ApiError(400, 'unknown_policy', message, { param: 'dynts.policy' })
}

function samplingOf(given: SamplingFields): NonNullable<GenerateRequest['sampling']> {
  const { repeat_penalty, repetition_penalty, top_p, top_k, repeat_last_n } = given
  if (
    typeof repeat_penalty === 'number' &&
    typeof repetition_penalty === 'number' &&
    repeat_penalty !== repetition_penalty
  ) {
    const message = 'repeat_penalty and repetition_penalty are the same thing, and differ'
    throw new ApiError(400, 'conflicting_parameters', message, { param: 'repetition_penalty' })
  }
  return defined({
    temperature: given.temperature,
    // Only the likeliest token is within the first 0 %.
    topP: top_p === 0 ? 1 : top_p,
    topK: top_p === 0 ? 1 : top_k === -1 ? 0 : top_k,
    minP: given.min_p,
    repeatPenalty: repeat_penalty ?? repetition_penalty,
    repeatLastN: repeat_last_n === -1 ? 65_536 : repeat_last_n,
    frequencyPenalty: given.frequency_penalty,
    presencePenalty: given.presence_penalty,
  })
}

/** Without what is `null` or undefined. */
function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(given) as { [K in keyof T]?: NonNullable<T[K]> }
}
