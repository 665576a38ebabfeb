/**
 * Turns a request into numbers: tokens, windows, defaults. Whatever is wrong with a request is said here, before any
 * compute.
 */
import type { z } from 'zod'
import { planEviction, validateCacheSettings, type CacheSettings, type EvictionPlan } from '../cache/budget.ts'
import { defined } from '../defined.ts'
import { InputError } from '../errors.ts'
import { protectionOf, queriesOf } from '../eviction/check-policy.ts'
import type { PolicyDefinition, Protection } from '../eviction/policy.ts'
import {
  addedProtection,
  parsePolicyReference,
  parseProtect,
  withProtection,
  type ProtectedPart,
} from '../eviction/protect.ts'
import { parsePolicyOptions, resolvePolicy } from '../eviction/registry.ts'
import { checkPolicyFits } from '../eviction/select.ts'
import { defaultSampling, validateSampling, type SamplingSettings } from '../llama/index.ts'
import { answerGrammar } from './answer-grammar.ts'
import { defaultPolicy, resolveCacheSettings, resolvePolicyOptions } from './cache-settings.ts'
import type { ModelFacts, Vocabulary } from './forward-pass.ts'
import { checkTokens, readPrompt } from './prompt.ts'
import { biasOf, checkOdds } from './requested-odds.ts'
import { checkRequest } from './request-schema.ts'
import type { ThinkingLimits } from './thinking-limit.ts'
import type { GenerateRequest, Prompt, PromptEviction, PromptReuse } from './types.ts'

/** The paper's number of new tokens (section 6.1). */
export const defaultMaxTokens = 16_384

/** How a sequence is bounded. */
export interface Bound extends CacheSettings {
  readonly plan: EvictionPlan
}

export interface PreparedRequest extends ThinkingLimits {
  readonly promptTokens: Int32Array
  /** The end of the prompt that belongs to the model's turn already, e.g. `<|assistant|><think>`. */
  readonly opening: string
  readonly definition: PolicyDefinition
  readonly policyOptions: z.output<PolicyDefinition['options']>
  readonly protection: Protection
  /** What of it the request adds to the policy's own. */
  readonly protect: readonly ProtectedPart[]
  /** How many of the last queries before an eviction the policy looks at; 0: it needs no attention. */
  readonly queries: number
  /** Undefined: the full cache. */
  readonly bound: Bound | undefined
  /** The most cells that the sequence will hold. */
  readonly neededCells: number
  readonly sampling: SamplingSettings
  readonly seed: number
  /** Already limited by the model's trained context. */
  readonly maxTokens: number
  readonly promptReuse: PromptReuse
  readonly promptScope: string
  readonly promptEviction: PromptEviction | undefined
  /** How many alternatives of each token are told; undefined: no odds are. */
  readonly logprobs: number | undefined
  /** As `logprobs`, of the prompt's own tokens. */
  readonly promptLogprobs: number | undefined
  readonly promptProgress: boolean
  readonly evictionScores: boolean
  readonly logitBias: ReadonlyMap<number, number>
  /** Of the answer, in GBNF. */
  readonly grammar: string | undefined
  readonly stop: readonly string[]
  readonly replay: readonly number[] | undefined
}

/** What of a model a request's settings depend on. */
export type SettingFacts = Pick<
  ModelFacts,
  'hasPredictor' | 'hasCalibration' | 'notEvictable' | 'notReadable' | 'valuesNotReadable' | 'recommended'
>

/** A request as far as it can be told without its prompt's tokens. */
interface SettledRequest extends Pick<
  PreparedRequest,
  'definition' | 'policyOptions' | 'protection' | 'protect' | 'queries' | 'sampling' | 'seed'
> {
  readonly prompt: Prompt
  /** Undefined: the full cache, or no model is known. */
  readonly settings: CacheSettings | undefined
}

/**
 * Checks what can be told without the prompt's tokens, and fills in defaults.
 * @param model undefined: it is not known yet; what depends on it is left unchecked
 * @throws InputError `unknown_policy`, `policy_not_loaded`, `policy_changed`, `policy_failed`, `invalid_policy_option`,
 *   `invalid_protect`, `invalid_budget`, `invalid_local_window`, `invalid_ratio`, `invalid_evict_every`, `invalid_segments`, `invalid_value_reserve`, `missing_predictor`, `missing_calibration`, `model_not_evictable`,
 *   `invalid_sampling`, `invalid_request`
 */
export function settleRequest(model: SettingFacts | undefined, given: GenerateRequest): SettledRequest {
  const request = checkRequest(given)
  const reference =
    request.policy ??
    defaultPolicy(model ?? { hasPredictor: true, notEvictable: undefined, notReadable: undefined, recommended: {} })
  const { policy, protect: notedProtect } = parsePolicyReference(reference)
  const definition = resolvePolicy(policy)
  if (request.policyHash !== undefined && definition.hash !== request.policyHash) {
    throw new InputError(
      'policy_changed',
      `policy ${definition.name}: its file, or one that it imports, has changed since this run began. Begin again: it counts as another policy now.`,
    )
  }
  const options = resolvePolicyOptions(definition, model?.recommended ?? {}, request.policyOptions ?? {})
  const policyOptions = parsePolicyOptions(definition, options)
  const sampling = { ...defaultSampling, ...defined(request.sampling ?? {}) }
  const seed = request.seed ?? 0
  validateSampling(sampling, seed)
  checkCount('maxTokens', request.maxTokens, request.promptLogprobs === undefined ? 1 : 0)
  checkThinkingLimits(request)
  checkOdds(request)
  if (model) checkModelHas(model, definition)
  const own = protectionOf(definition, policyOptions)
  const protect = addedProtection(definition, own, [...notedProtect, ...parseProtect(request.protect ?? [])])
  const settings = model && definition.evicts ? resolveCacheSettings(model.recommended, request) : undefined
  if (settings) validateCacheSettings(settings)
  if (model && settings?.valueReserve !== undefined) checkValuesReadable(model)
  return {
    prompt: request.prompt,
    definition,
    policyOptions,
    protection: withProtection(own, protect),
    protect,
    queries: queriesOf(definition, policyOptions),
    settings,
    sampling,
    seed,
  }
}

/** @throws InputError `missing_predictor`, `missing_calibration`, `model_not_evictable`, `model_not_readable` */
export function checkModelHas(
  { hasPredictor, hasCalibration, notEvictable, notReadable, valuesNotReadable }: Omit<SettingFacts, 'recommended'>,
  { name, needs, evicts }: Pick<PolicyDefinition, 'name' | 'needs' | 'evicts'>,
): void {
  if (needs.has('hidden-state') && !hasPredictor) {
    throw new InputError(
      'missing_predictor',
      `policy ${name} needs an importance predictor that was trained for this model: give one as \`predictor\`, train one with dynts fit, or leave it out: \`policy: question-window\` needs none`,
    )
  }
  if (evicts && notEvictable !== undefined) {
    throw new InputError(
      'model_not_evictable',
      `the cache of this model cannot be bounded: ${notEvictable}. Use \`policy: full\``,
    )
  }
  const read = (['attention', 'values', 'keys'] as const).find((signal) => needs.has(signal))
  const obstacle = notReadable ?? (needs.has('values') ? valuesNotReadable : undefined)
  if (read !== undefined && obstacle !== undefined) {
    throw new InputError(
      'model_not_readable',
      `policy ${name} looks at ${whatIsRead[read]}, which cannot be read of this model: ${obstacle}. Policies that need none of it run: question-window, and dynts with a predictor`,
    )
  }
  if (needs.has('calibration') && !hasCalibration) {
    throw new InputError(
      'missing_calibration',
      `policy ${name} needs a calibration of this model, which is made once: run dynts calibrate MODEL, or leave it out: \`policy: question-window\` needs none`,
    )
  }
}

/** @throws InputError `model_not_readable` */
function checkValuesReadable({ notReadable, valuesNotReadable }: SettingFacts): void {
  const obstacle = notReadable ?? valuesNotReadable
  if (obstacle === undefined) return
  throw new InputError(
    'model_not_readable',
    `\`valueReserve\` looks at cached values, which cannot be read of this model: ${obstacle}`,
  )
}

const whatIsRead = { attention: 'attention weights', values: 'cached values', keys: 'cached keys' }

/**
 * @throws InputError what `settleRequest` throws; `policy_does_not_fit`, `prompt_too_long`, `invalid_request`, `chat_template`
 */
export function prepareRequest(model: ModelFacts, request: GenerateRequest): PreparedRequest {
  const { settings, prompt, ...settled } = settleRequest(model, request)
  const { protection } = settled
  const { opening, promptTokens } = readPrompt(model, prompt)
  if (promptTokens.length === 0)
    throw new InputError('invalid_request', 'the prompt is empty: there is nothing to generate from')
  checkWrapUp(request.wrapUp, model)
  const room = checkRoom(promptTokens.length, model.trainedContext)
  const replay = request.replay === undefined ? undefined : tokenizeReplay(model.vocab, request.replay)
  if (replay && replay.length > room) {
    throw new InputError(
      'invalid_request',
      `a continuation of ${replay.length} tokens exceeds the model's trained context by ${replay.length - room}`,
    )
  }
  const maxTokens = replay?.length ?? Math.min(request.maxTokens ?? defaultMaxTokens, room)
  const bound = settings && { ...settings, plan: planEviction(settings, promptTokens.length) }
  if (bound) checkPolicyFits(bound, bound.plan, protection)
  checkPromptEviction(request.promptEviction, promptTokens.length, model, settled.definition)
  return {
    ...settled,
    promptTokens,
    opening,
    bound,
    neededCells: bound?.budget ?? promptTokens.length + Math.max(0, maxTokens - 1),
    maxTokens,
    thinkingBudget: request.thinkingBudget,
    answerReserve: request.answerReserve,
    stopLoops: request.stopLoops ?? false,
    wrapUp: (request.wrapUp ?? '').trim(),
    promptReuse: request.promptReuse ?? 'exact',
    promptScope: request.promptScope ?? '',
    promptEviction: request.promptEviction,
    logprobs: request.logprobs,
    promptLogprobs: request.promptLogprobs,
    promptProgress: request.promptProgress ?? false,
    evictionScores: request.evictionScores ?? false,
    logitBias: biasOf(request, model.vocab),
    grammar: answerGrammar(request, model),
    stop: request.stop ?? [],
    replay,
  }
}

/**
 * How many tokens fit behind a prompt.
 * @throws InputError `prompt_too_long`
 */
export function checkRoom(promptTokens: number, trainedContext: number): number {
  const room = trainedContext - promptTokens
  if (room >= 1) return room
  throw new InputError(
    'prompt_too_long',
    `the prompt has ${promptTokens} tokens, but the model was trained for ${trainedContext} positions at most`,
    { details: { promptTokens, mostPromptTokens: trainedContext - 1 } },
  )
}

/** @throws InputError `invalid_request` for last words that would close the thinking themselves */
function checkWrapUp(wrapUp: string | undefined, { thinkingTags: { open, close } }: ModelFacts): void {
  const tag = [open, close].find((one) => wrapUp?.includes(one))
  if (tag !== undefined) throw new InputError('invalid_request', `wrap-up must not contain the tag ${tag}: it is added`)
}

function tokenizeReplay(vocab: Vocabulary, replay: string | readonly number[]): readonly number[] {
  const tokens = typeof replay === 'string' ? [...vocab.tokenizeContinuation(replay)] : replay
  checkTokens(vocab, tokens)
  if (tokens.length === 0) throw new InputError('invalid_request', 'the continuation to replay is empty')
  return tokens
}

/** @throws InputError `invalid_request`, `model_not_evictable` */
function checkPromptEviction(
  eviction: PromptEviction | undefined,
  promptTokens: number,
  { notEvictable }: Pick<ModelFacts, 'notEvictable'>,
  { name, evicts }: PolicyDefinition,
): void {
  if (eviction === undefined) return
  const { at, leaving } = eviction
  const refuse = (message: string) => new InputError('invalid_request', `promptEviction: ${message}`)
  if (evicts) throw refuse(`policy ${name} evicts by itself; use full`)
  if (notEvictable !== undefined) {
    throw new InputError('model_not_evictable', `cells of this model's cache cannot leave it: ${notEvictable}`)
  }
  if (!Number.isInteger(at) || at < 1 || at >= promptTokens) {
    throw refuse(
      `at must be a whole number from 1 to ${promptTokens - 1}, one below the tokens of the prompt, not ${at}`,
    )
  }
  const wrong = leaving.find(
    (position, i) => !Number.isInteger(position) || position <= (leaving[i - 1] ?? -1) || position >= at,
  )
  if (wrong !== undefined) throw refuse(`leaving must be ascending positions below ${at}; ${wrong} is none`)
}

function checkThinkingLimits({ thinkingBudget, answerReserve, stopLoops, wrapUp, maxTokens }: GenerateRequest): void {
  checkCount('thinkingBudget', thinkingBudget, 0)
  checkCount('answerReserve', answerReserve, 1)
  const most = maxTokens ?? defaultMaxTokens
  if (answerReserve !== undefined && answerReserve >= most) {
    throw new InputError(
      'invalid_request',
      `\`answerReserve\` must be below \`maxTokens\` (${most}), not ${answerReserve}: nothing would be left to think with`,
    )
  }
  const isLimited = thinkingBudget !== undefined || answerReserve !== undefined || stopLoops === true
  if (wrapUp !== undefined && !isLimited) {
    throw new InputError(
      'invalid_request',
      '`wrapUp` has no effect without `thinkingBudget`, `answerReserve` or `stopLoops`: only a thinking that these close gets last words',
    )
  }
}

function checkCount(name: string, value: number | undefined, least = 1): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return
  throw new InputError('invalid_request', `\`${name}\` must be a whole number of at least ${least}, not ${value}`)
}
