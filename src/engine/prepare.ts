/**
 * Turns a request into numbers: tokens, windows, defaults. Whatever is wrong with a request is said here, before any
 * compute.
 */
import type { z } from 'zod'
import { planEviction, type CacheSettings, type EvictionPlan } from '../cache/budget.ts'
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
import { defaultSampling, renderChat, validateSampling, type SamplingSettings } from '../llama/index.ts'
import type { ModelFacts, Vocabulary } from './forward-pass.ts'
import { checkRequest } from './request-schema.ts'
import type { GenerateRequest, Prompt } from './types.ts'

/** The paper's number of new tokens (section 6.1). */
export const defaultMaxTokens = 16_384
/** Without a predictor that recommends others. */
export const defaultCacheSettings: CacheSettings = { budget: 4096, localWindow: 1024, ratio: 0.4 }

/** How a sequence is bounded. */
export interface Bound extends CacheSettings {
  readonly plan: EvictionPlan
}

export interface PreparedRequest {
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
  readonly thinkingBudget: number | undefined
  readonly stop: readonly string[]
  readonly replay: readonly number[] | undefined
}

/**
 * @throws InputError `unknown_policy`, `policy_not_loaded`, `policy_changed`, `policy_failed`, `policy_does_not_fit`,
 *   `invalid_policy_option`, `invalid_protect`, `invalid_budget`, `invalid_local_window`, `invalid_ratio`, `prompt_too_long`, `missing_predictor`,
 *   `model_not_evictable`, `invalid_sampling`, `invalid_request`, `chat_template`
 */
export function prepareRequest(model: ModelFacts, given: GenerateRequest): PreparedRequest {
  const request = checkRequest(given)
  const { policy, protect: notedProtect } = parsePolicyReference(request.policy ?? defaultPolicy(model))
  const definition = resolvePolicy(policy)
  if (request.policyHash !== undefined && definition.hash !== request.policyHash) {
    throw new InputError(
      'policy_changed',
      `policy ${definition.name}: its file, or one that it imports, has changed since this run began. Begin again: it counts as another policy now.`,
    )
  }
  const policyOptions = parsePolicyOptions(definition, request.policyOptions ?? {})
  const sampling = { ...defaultSampling, ...definedOnly(request.sampling ?? {}) }
  const seed = request.seed ?? 0
  validateSampling(sampling, seed)
  checkCount('max-tokens', request.maxTokens)
  checkCount('thinking-budget', request.thinkingBudget, 0)
  if (definition.needs.has('hidden-state') && !model.hasPredictor) {
    throw new InputError(
      'missing_predictor',
      `policy ${definition.name} needs an importance predictor that was trained for this model: give --predictor FILE, or use --policy question-window`,
    )
  }
  if (definition.evicts && model.notEvictable !== undefined) {
    throw new InputError(
      'model_not_evictable',
      `the cache of this model cannot be bounded: ${model.notEvictable}. Use --policy full`,
    )
  }
  const { text, opening } = renderPrompt(model, request.prompt)
  const promptTokens = tokenizePrompt(model.vocab, request.prompt, text)
  if (promptTokens.length === 0)
    throw new InputError('invalid_request', 'the prompt is empty: there is nothing to generate from')
  const room = model.trainedContext - promptTokens.length
  if (room < 1) {
    throw new InputError(
      'prompt_too_long',
      `the prompt has ${promptTokens.length} tokens, but the model was trained for ${model.trainedContext} positions at most`,
    )
  }
  const replay = request.replay === undefined ? undefined : tokenizeReplay(model.vocab, request.replay)
  if (replay && replay.length > room) {
    throw new InputError(
      'invalid_request',
      `a continuation of ${replay.length} tokens exceeds the model's trained context by ${replay.length - room}`,
    )
  }
  const maxTokens = replay?.length ?? Math.min(request.maxTokens ?? defaultMaxTokens, room)
  const bound = definition.evicts ? boundOf(model, request, promptTokens.length) : undefined
  const own = protectionOf(definition, policyOptions)
  const protect = addedProtection(definition, own, [...notedProtect, ...parseProtect(request.protect ?? [])])
  const protection = withProtection(own, protect)
  if (bound) checkPolicyFits(bound, bound.plan, protection)
  return {
    promptTokens,
    opening,
    definition,
    policyOptions,
    protection,
    protect,
    queries: queriesOf(definition, policyOptions),
    bound,
    neededCells: bound?.budget ?? promptTokens.length + Math.max(0, maxTokens - 1),
    sampling,
    seed,
    maxTokens,
    thinkingBudget: request.thinkingBudget,
    stop: request.stop ?? [],
    replay,
  }
}

/** The policy of a request that names none. */
export function defaultPolicy(model: Pick<ModelFacts, 'hasPredictor' | 'notEvictable'>): string {
  if (model.notEvictable !== undefined) return 'full'
  return model.hasPredictor ? 'dynts' : 'question-window'
}

/**
 * The settings of a request: what it gives, else the predictor's recommendation, else the general defaults. The default
 * local window shrinks to a quarter of a budget for which it is too large.
 */
export function resolveCacheSettings(
  recommended: ModelFacts['recommended'],
  request: Pick<GenerateRequest, 'budget' | 'localWindow' | 'ratio'>,
): CacheSettings {
  const { budget, localWindow, ratio } = request
  const given = { ...definedOnly(recommended), ...definedOnly({ budget, localWindow, ratio }) }
  const settings = { ...defaultCacheSettings, ...given }
  if (given.localWindow === undefined && settings.localWindow > settings.budget / 2) {
    return { ...settings, localWindow: Math.max(1, Math.floor(settings.budget / 4)) }
  }
  return settings
}

function boundOf(model: ModelFacts, request: GenerateRequest, promptCells: number): Bound {
  const settings = resolveCacheSettings(model.recommended, request)
  return { ...settings, plan: planEviction(settings, promptCells) }
}

/** What takes the place of the last message, to see what the template adds behind it: private-use characters. */
const marker = '\u{e000}\u{e001}\u{e000}'

/**
 * The prompt as text, and what of it may open the thinking. Tags that a user wrote are no thinking: of messages, only what the
 * template adds behind them counts.
 */
export function renderPrompt(
  model: Pick<ModelFacts, 'vocab' | 'chatTemplate'>,
  prompt: Prompt,
): { text: string; opening: string } {
  if ('text' in prompt) return { text: prompt.text, opening: prompt.text }
  if ('tokens' in prompt) {
    const text = decode(model.vocab, prompt.tokens)
    return { text, opening: text }
  }
  if (prompt.messages.length === 0) throw new InputError('invalid_request', 'there are no messages')
  if (model.chatTemplate === undefined) {
    return { text: prompt.messages.map((message) => message.content).join('\n\n'), opening: '' }
  }
  const { chatTemplate } = model
  const render = (messages: typeof prompt.messages) =>
    renderChat(chatTemplate, messages, {
      bosToken: tokenText(model.vocab, model.vocab.bos),
      eosToken: tokenText(model.vocab, model.vocab.eos),
      ...(prompt.enableThinking === undefined ? {} : { enableThinking: prompt.enableThinking }),
    })
  const text = render(prompt.messages)
  // Not looked for by its text: that may be short, and stand in what the template adds, or it may have been changed.
  const marked = render(prompt.messages.map((one, i, all) => (i < all.length - 1 ? one : { ...one, content: marker })))
  return { text, opening: marked.split(marker).at(-1) ?? '' }
}

export function tokenizePrompt(vocab: Vocabulary, prompt: Prompt, text: string): Int32Array {
  if ('tokens' in prompt) {
    checkTokens(vocab, prompt.tokens)
    return Int32Array.from(prompt.tokens)
  }
  const bos = tokenText(vocab, vocab.bos)
  const hasBos = bos !== '' && text.startsWith(bos)
  return vocab.tokenize(text, { addBos: vocab.addsBos && !hasBos })
}

function tokenizeReplay(vocab: Vocabulary, replay: string | readonly number[]): readonly number[] {
  const tokens = typeof replay === 'string' ? [...vocab.tokenize(replay)] : replay
  checkTokens(vocab, tokens)
  if (tokens.length === 0) throw new InputError('invalid_request', 'the continuation to replay is empty')
  return tokens
}

/** @throws InputError `invalid_request` */
export function checkTokens(vocab: Vocabulary, tokens: readonly number[]): void {
  const wrong = tokens.find((token) => !vocab.isToken(token))
  if (wrong !== undefined)
    throw new InputError('invalid_request', `${wrong} is not a token of this model (0 to ${vocab.size - 1})`)
}

function checkCount(name: string, value: number | undefined, least = 1): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return
  throw new InputError('invalid_request', `${name} must be a whole number of at least ${least}, not ${value}`)
}

function tokenText(vocab: Vocabulary, token: number): string {
  return vocab.isToken(token) ? decode(vocab, [token]) : ''
}

function decode(vocab: Vocabulary, tokens: readonly number[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const text = tokens
    .filter((token) => vocab.isToken(token))
    .map((token) => decoder.decode(vocab.piece(token), { stream: true }))
  return text.join('') + decoder.decode()
}

/** Without the keys whose value is undefined, so that spreading does not overwrite defaults with nothing. */
function definedOnly<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
