/** Whether, and how long, the model is to think: clients say it in many ways. */
import { z } from 'zod'
import { ApiError } from '../api-error.ts'

export const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const
const effort = z.enum(efforts, `it must be one of ${efforts.join(', ')}`)
const budget = z
  .int('it must be a whole number')
  .min(-1, 'it must be at least -1')
  .max(2 ** 31 - 1, 'it is too large')
const yesOrNo = z.boolean('it must be true or false')
const scalar = z.union(
  [z.string().max(4096), z.number(), z.boolean(), z.null()],
  'it must be a text of at most 4096 characters, a number, true or false',
)

/** What a template is told of the conversation has fields of its own. */
const notForTemplates = ['messages', 'tools', 'documents', 'add_generation_prompt', 'bos_token', 'eos_token'] as const

export const thinkingFields = {
  reasoning_effort: effort.nullish(),
  reasoning: z
    .looseObject({
      effort: effort.nullish(),
      enabled: yesOrNo.nullish(),
      max_tokens: budget.nullish(),
      exclude: yesOrNo.nullish(),
    })
    .nullish(),
  enable_thinking: yesOrNo.nullish(),
  think: z.union([yesOrNo, effort], 'it must be true, false or an effort').nullish(),
  thinking: z
    .looseObject({
      type: z.enum(['enabled', 'disabled', 'adaptive'], 'it must be enabled, disabled or adaptive'),
      budget_tokens: budget.nullish(),
    })
    .nullish(),
  thinking_budget_tokens: budget.nullish(),
  reasoning_budget_tokens: budget.nullish(),
  thinking_token_budget: budget.nullish(),
  thinking_budget: budget.nullish(),
  reasoning_budget: budget.nullish(),
  chat_template_kwargs: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a name of letters, digits and _'), scalar)
    .refine((given) => Object.keys(given).length <= 32, 'it must have at most 32 names')
    .refine((given) => !notForTemplates.some((name) => Object.hasOwn(given, name)), {
      error: `it must not have ${notForTemplates.join(', ')}`,
    })
    .nullish(),
}
export type ThinkingFields = z.infer<z.ZodObject<typeof thinkingFields>>

export interface ThinkingChoice {
  /** Undefined: as the model does by itself. */
  readonly enabled: boolean | undefined
  readonly budget: number | undefined
  readonly effort?: (typeof efforts)[number]
  /** What the template is given. */
  readonly variables: Readonly<Record<string, string | number | boolean | null>>
}

/** @throws ApiError `conflicting_parameters`, `invalid_value` */
export function readThinking(given: ThinkingFields): ThinkingChoice {
  const { enable_thinking, thinking, ...variables } = given.chat_template_kwargs ?? {}
  const think = given.think ?? undefined
  const effort = agreed('effort', {
    reasoning_effort: given.reasoning_effort,
    'reasoning.effort': given.reasoning?.effort,
    think: typeof think === 'string' ? think : undefined,
  })
  const budget = agreed('thinking budget', {
    thinking_budget_tokens: given.thinking_budget_tokens,
    reasoning_budget_tokens: given.reasoning_budget_tokens,
    thinking_token_budget: given.thinking_token_budget,
    thinking_budget: given.thinking_budget,
    reasoning_budget: given.reasoning_budget,
    'reasoning.max_tokens': given.reasoning?.max_tokens,
    'thinking.budget_tokens': given.thinking?.budget_tokens,
  })
  const enabled = agreed('whether to think', {
    'chat_template_kwargs.enable_thinking': switchOf(enable_thinking, 'enable_thinking'),
    'chat_template_kwargs.thinking': switchOf(thinking, 'thinking'),
    enable_thinking: given.enable_thinking,
    'reasoning.enabled': given.reasoning?.enabled,
    think: typeof think === 'boolean' ? think : undefined,
    'thinking.type': given.thinking ? given.thinking.type !== 'disabled' : undefined,
    effort: effort === undefined ? undefined : effort !== 'none',
    'thinking budget': budget === 0 ? false : undefined,
  })
  return {
    enabled,
    ...(effort === undefined ? {} : { effort }),
    budget: budget === undefined || budget < 0 || enabled === false ? undefined : budget,
    variables: {
      ...variables,
      ...(effort === undefined || effort === 'none' ? {} : { reasoning_effort: effort }),
      // Templates that know no enable_thinking know this name.
      ...(enabled === undefined ? {} : { thinking: enabled }),
    },
  }
}

function switchOf(value: unknown, name: string): boolean | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
  const param = `chat_template_kwargs.${name}`
  throw new ApiError(400, 'invalid_type', `${param} must be true or false`, { param })
}

/** The one value that is given, however often. */
function agreed<T>(what: string, given: Readonly<Record<string, T | null | undefined>>): T | undefined {
  const [first, ...others] = Object.entries(given).filter(([, value]) => value !== null && value !== undefined)
  const different = others.find(([, value]) => value !== first?.[1])
  if (first && different) {
    const message = `${first[0]} and ${different[0]} contradict each other on ${what}`
    throw new ApiError(400, 'conflicting_parameters', message, { param: different[0] })
  }
  return first?.[1] ?? undefined
}
