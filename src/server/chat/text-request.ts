/** A request for a text to go on with: no template, special tokens in the text are recognised. */
import { z } from 'zod'
import type { Prompt } from '../../engine/types.ts'
import { ApiError } from '../api-error.ts'
import { ignoredFields } from './fields.ts'
import { checked, common, type ReadRequest } from './request.ts'
import { readResponseFormat, responseFormatFields } from './response-format.ts'
import { generationOf, mayGrow, samplingFields, tokenLimit, type RequestDefaults } from './sampling-fields.ts'

const mostPrompts = 16
const tokens = z.array(z.int('it must be a whole number'), 'it must be a list of tokens').min(1, 'it must not be empty')
const one = z.union([z.string(), tokens])
const shape = {
  ...samplingFields,
  ...responseFormatFields,
  logprobs: z
    .int('it must be a whole number')
    .min(0, 'it must be at least 0')
    .max(20, 'it must be at most 20')
    .nullish(),
  prompt: z.union(
    [one, z.array(one).min(1).max(mostPrompts)],
    `it must be a text, a list of tokens, or a list of at most ${mostPrompts} of these`,
  ),
  echo: z.boolean('it must be true or false').nullish(),
  reasoning_format: z.enum(['auto', 'deepseek', 'none'], 'it must be auto, deepseek or none').nullish(),
  thinking_budget: z.int('it must be a whole number').min(-1, 'it must be at least -1').nullish(),
}
export const textForm = z.object(shape)
const supported: ReadonlySet<string> = new Set(Object.keys(shape))

/** @throws ApiError naming the first field that is wrong */
export function readTextRequest(body: Readonly<Record<string, unknown>>, defaults: RequestDefaults): ReadRequest {
  const ignored = ignoredFields(body, supported)
  const given = checked(textForm, body)
  const { schema, notEnforced } = readResponseFormat(given)
  const echoes = given.echo === true
  const { maxTokens, isGiven } = tokenLimit(given, defaults, echoes ? 0 : 1)
  const generation = generationOf(given, defaults)
  const budget = given.thinking_budget ?? defaults.thinkingBudget
  const thinkingBudget = budget === undefined || budget < 0 ? undefined : budget
  return {
    ...common(given, defaults),
    generations: promptsOf(given.prompt).map((prompt) => ({
      ...{ ...generation, prompt, maxTokens, thinkingBudget },
      ...(schema === undefined ? {} : { answerSchema: schema }),
      ...(typeof given.logprobs === 'number' ? { logprobs: given.logprobs } : {}),
      ...(echoes && (typeof given.logprobs === 'number' || maxTokens === 0)
        ? { promptLogprobs: given.logprobs ?? 0 }
        : {}),
    })),
    mayShrink: !isGiven,
    mayGrow: mayGrow(given),
    thinkingTo: given.reasoning_format === 'deepseek' ? 'field' : 'content',
    ignored,
    schemaNotEnforced: notEnforced,
    toolCalls: undefined,
    goesOn: undefined,
    echoes,
  }
}

function promptsOf(given: z.infer<typeof shape.prompt>): Prompt[] {
  if (typeof given === 'string') return [promptOf(given)]
  const isTokens = typeof given[0] === 'number'
  return isTokens ? [promptOf(given as number[])] : (given as (string | number[])[]).map(promptOf)
}

function promptOf(given: string | number[]): Prompt {
  if (typeof given !== 'string') return { tokens: given }
  if (given === '') throw new ApiError(400, 'invalid_value', 'prompt must not be empty', { param: 'prompt' })
  return { text: given }
}
