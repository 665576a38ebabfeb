/** What is told of a generation besides its text: usage, timings in llama-server's names, and the cache. */
import { randomInt } from 'node:crypto'
import type { GenerateResult, ThinkingEnd } from '../../engine/types.ts'
import type { Job } from '../job.ts'

/** A generation that has come to its end. */
export interface Finished {
  readonly job: Job
  readonly result: GenerateResult
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** A completion's id: who knows it may cancel it, so it cannot be guessed. The same for what else needs one. */
export function newId(prefix: 'chatcmpl-' | 'cmpl-' | 'resp_' | 'call_' | 'rs_' | 'msg_' | 'fc_'): string {
  return `${prefix}${Array.from({ length: 24 }, () => letters.charAt(randomInt(letters.length))).join('')}`
}

/** @param choices of each prompt: a prompt counts once, however many there are */
export function usageOf(finished: readonly Finished[], choices: number) {
  const prompts = finished.filter((_, i) => i % choices === 0)
  const prompt = prompts.reduce((total, { result }) => total + result.usage.promptTokens, 0)
  const cached = prompts.reduce((total, { result }) => total + result.usage.cachedPromptTokens, 0)
  const sum = (count: (result: GenerateResult) => number) =>
    finished.reduce((total, { result }) => total + count(result), 0)
  const completion = sum(({ usage }) => usage.thinkingTokens + usage.answerTokens)
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: sum(({ usage }) => usage.thinkingTokens) },
  }
}

/** Of choices that ran side by side, the slowest one's times. */
export function timingsOf(finished: readonly Finished[], choices: number) {
  const usage = usageOf(finished, choices)
  const most = (of: (result: GenerateResult) => number) => Math.max(0, ...finished.map(({ result }) => of(result)))
  const cached = usage.prompt_tokens_details.cached_tokens
  const [promptMs, predictedMs] = [most(({ timing }) => timing.prefillMs), most(({ timing }) => timing.decodeMs)]
  const [promptCount, predicted] = [usage.prompt_tokens - cached, usage.completion_tokens]
  // The time counts from the first token of each choice on.
  const timed = Math.max(0, predicted - finished.length)
  return {
    cache_n: cached,
    prompt_n: promptCount,
    prompt_ms: rounded(promptMs),
    prompt_per_token_ms: rounded(ratio(promptMs, promptCount)),
    prompt_per_second: rounded(ratio(promptCount * 1000, promptMs)),
    predicted_n: predicted,
    predicted_ms: rounded(predictedMs),
    predicted_per_token_ms: rounded(ratio(predictedMs, timed)),
    predicted_per_second: rounded(ratio(timed * 1000, predictedMs)),
  }
}

/** Who closed the thinking; null: nobody. */
const closedBy: Readonly<Record<ThinkingEnd, string | null>> = {
  model: 'model',
  caller: 'client',
  'thinking-budget': 'budget',
  'answer-reserve': 'reserve',
  loop: 'loop',
  unclosed: null,
}

/** The cache of a generation. */
export function cacheOf({ job, result }: Finished) {
  const { cache, usage, thinkingEnd, stopText, seed } = result
  // The last one that is generated is never read.
  const full = usage.promptTokens + Math.max(0, usage.thinkingTokens + usage.answerTokens - 1)
  const isBounded = cache.budget !== null
  return {
    policy: cache.policy,
    policy_options: cache.policyOptions,
    budget: cache.budget,
    local_window: cache.localWindow,
    ratio: cache.ratio,
    evict_every: cache.evictEvery,
    segments: cache.segments,
    value_reserve: cache.valueReserve,
    seed,
    cells: {
      peak: cache.peakCells,
      mean: rounded(cache.meanCells),
      final: cache.finalCells,
      full,
      allocated: cache.allocatedCells,
    },
    bytes_per_cell: cache.bytesPerCell,
    peak_bytes: cache.peakBytes,
    evictions: cache.evictions,
    evicted_tokens: cache.evictedTokens,
    kept_share: isBounded ? rounded(ratio(cache.finalCells, full)) : null,
    degraded: cache.degraded,
    thinking_closed: thinkingEnd && closedBy[thinkingEnd],
    stop_text: stopText,
    slot: job.slot ?? null,
    queued_ms: rounded((job.startedAt ?? job.enqueuedAt) - job.enqueuedAt),
  }
}

/** Of one choice as it is, of several as a list beside what they have in common. */
export function cachesOf(finished: readonly Finished[]) {
  const choices = finished.map(cacheOf)
  return choices.length === 1 ? choices[0] : { choices }
}

function ratio(amount: number, by: number): number {
  return by > 0 ? amount / by : 0
}

function rounded(value: number): number {
  return Number.isFinite(value) ? Math.round(value * 1000) / 1000 : 0
}
