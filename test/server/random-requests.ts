/** Requests for chat completions of all kinds, from a seed; the embedded model carries each of them out in a moment. */
import { generateChainProblem } from '../../src/evaluation/chain-problem.ts'

export interface RandomRequest {
  readonly messages: readonly { readonly role: 'user'; readonly content: string }[]
  readonly seed: number
  readonly temperature: number
  readonly max_tokens: number
  readonly return_token_ids: true
  readonly n?: number
  readonly logprobs?: true
  readonly top_logprobs?: number
  readonly stop?: readonly string[]
  readonly thinking_budget?: number
  readonly enable_thinking?: false
  readonly reasoning_format?: 'none'
  readonly include_reasoning?: false
  readonly response_format?: object
  readonly logit_bias?: Readonly<Record<string, number>>
  readonly dynts?: { readonly policy: string; readonly budget?: number; readonly local_window?: number }
}

/** What an answer with `response_format` must be. */
export const answerForm = {
  type: 'object',
  properties: { answer: { type: 'integer' } },
  required: ['answer'],
  additionalProperties: false,
}

const policies = ['dynts', 'dynts-diverse', 'question-window', 'window', 'streaming-llm', 'random', 'entropy'] as const
const stops = [['.'], [' = '], ['The answer', 'boxed'], ['5', '6', '7', '8', '9']] as const

/** @param most choices of one */
export function randomRequest(random: () => number, most: number): RandomRequest {
  const whole = (limit: number) => Math.floor(random() * limit)
  const chance = (share: number) => random() < share
  const pick = <T>(items: readonly T[]): T => items[whole(items.length)] as T
  const isForm = chance(0.15)
  const form = { type: 'json_schema', json_schema: { name: 'a', schema: answerForm } }
  return {
    messages: [{ role: 'user', content: generateChainProblem(whole(1e6), { people: 3 }).question }],
    seed: whole(2 ** 31),
    temperature: pick([0, 0.3, 0.9, 1.5]),
    max_tokens: 1 + whole(64),
    return_token_ids: true,
    ...(most > 1 && chance(0.25) ? { n: 2 + whole(most - 1) } : {}),
    ...(chance(0.4) ? { logprobs: true as const, top_logprobs: whole(4) } : {}),
    ...(chance(0.25) ? { stop: pick(stops) } : {}),
    ...(isForm || chance(0.3) ? { thinking_budget: whole(20) } : {}),
    ...(isForm ? { response_format: form } : {}),
    ...(chance(0.1) ? { reasoning_format: 'none' as const } : {}),
    ...(chance(0.1) ? { include_reasoning: false as const } : {}),
    ...(chance(0.2)
      ? { dynts: { policy: 'full' } }
      : chance(0.7)
        ? { dynts: { policy: pick(policies), budget: 70 + whole(20), local_window: 8 + whole(8) } }
        : {}),
  }
}

/** One that fails once it has begun: of all tokens only this one may come, and no answer of the form is made of it alone. */
export function stuckRequest(random: () => number, vocabulary: number, only: number): RandomRequest {
  const banned = Array.from({ length: vocabulary }, (_, id) => id).filter((id) => id !== only)
  return {
    ...randomRequest(random, 1),
    enable_thinking: false,
    thinking_budget: 0,
    response_format: { type: 'json_object' },
    max_tokens: 50,
    logit_bias: Object.fromEntries(banned.map((id) => [String(id), -100])),
  }
}
