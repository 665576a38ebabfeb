/** A request for a response, to a request for a chat completion. Nothing is kept between requests. */
import { z } from 'zod'
import { ApiError } from '../api-error.ts'
import { ignoredFields } from '../chat/fields.ts'
import { checked, readChatRequest, type ReadRequest } from '../chat/request.ts'
import { samplingFields, type RequestDefaults } from '../chat/sampling-fields.ts'
import { thinkingFields } from '../chat/thinking.ts'
import { functionName } from '../chat/tools/tool-fields.ts'
import { inputSchema, messagesOf } from './input-items.ts'

const { max_completion_tokens, model, stream, temperature, top_p, top_k, min_p, seed, stop, dynts } = samplingFields
const { repeat_penalty, repetition_penalty, repeat_last_n, frequency_penalty, presence_penalty } = samplingFields
const { logit_bias, cache_prompt } = samplingFields
const sampling = {
  ...{ temperature, top_p, top_k, min_p, seed, stop, dynts, logit_bias, cache_prompt },
  ...{ repeat_penalty, repetition_penalty, repeat_last_n, frequency_penalty, presence_penalty },
}
const { reasoning, ...thinking } = thinkingFields

const text = z.string('it must be a string')
const object = z.record(z.string(), z.unknown(), 'it must be an object')
const tool = z.looseObject({
  type: z.literal('function', 'only functions are offered'),
  name: functionName,
  description: text.nullish(),
  parameters: object.nullish(),
  strict: z.boolean('it must be true or false').nullish(),
})
const includable = ['reasoning.encrypted_content', 'message.output_text.logprobs'] as const

const shape = {
  input: inputSchema,
  instructions: text.nullish(),
  max_output_tokens: max_completion_tokens,
  model,
  reasoning,
  stream,
  text: z
    .looseObject({
      format: z
        .looseObject({
          type: z.enum(['text', 'json_object', 'json_schema'], 'it must be text, json_object or json_schema'),
          schema: z.union([object, z.boolean()], 'it must be a JSON schema').nullish(),
        })
        .nullish(),
    })
    .nullish(),
  tools: z.array(tool, 'it must be a list of tools').nullish(),
  tool_choice: z
    .union(
      [z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.literal('function'), name: z.string() })],
      'it must be none, auto, required, or {"type": "function", "name": ...}',
    )
    .nullish(),
  parallel_tool_calls: z.boolean('it must be true or false').nullish(),
  top_logprobs: z
    .int('it must be a whole number')
    .min(0, 'it must be at least 0')
    .max(20, 'it must be at most 20')
    .nullish(),
  include: z.array(z.enum(includable, `it must be one of ${includable.join(', ')}`), 'it must be a list').nullish(),
  metadata: object.nullish(),
  truncation: z.literal('disabled', 'only disabled is offered: nothing is left out of the input').nullish(),
  stream_options: z.looseObject({}).nullish(),
  ...sampling,
  ...thinking,
}
export const responseForm = z.object(shape)
export type GivenResponse = z.infer<typeof responseForm>
const supported: ReadonlySet<string> = new Set(Object.keys(shape))

/** They need a server that keeps what was said, or are tools of OpenAI's own. */
const notKept: Readonly<Record<string, (value: unknown) => boolean>> = {
  background: (value) => value === false,
  conversation: () => false,
  max_tool_calls: () => false,
  previous_response_id: () => false,
  prompt: () => false,
}

export interface ReadResponseRequest {
  readonly request: ReadRequest
  readonly given: GivenResponse
}

/** @throws ApiError naming the first field that is wrong */
export function readResponseRequest(
  body: Readonly<Record<string, unknown>>,
  defaults: RequestDefaults,
): ReadResponseRequest {
  const kept = Object.entries(body).filter(([name, value]) => !isNeutral(name, value))
  const ignored = ignoredFields(Object.fromEntries(kept), supported)
  const given = checked(responseForm, body)
  if (given.dynts?.events === true) {
    const message = 'dynts.events is offered with /v1/chat/completions only'
    throw new ApiError(400, 'unsupported_parameter', message, { param: 'dynts.events' })
  }
  const request = inOwnNames(() => readChatRequest(chatBodyOf(given), defaults))
  return { request: { ...request, ignored }, given }
}

/** @throws ApiError `unsupported_parameter` */
function isNeutral(name: string, value: unknown): boolean {
  const changesNothing = Object.hasOwn(notKept, name) ? notKept[name] : undefined
  if (!changesNothing || value === null || value === undefined) return false
  if (changesNothing(value)) return true
  throw new ApiError(400, 'unsupported_parameter', `${name} is not offered: send the whole conversation as input`, {
    param: name,
  })
}

function chatBodyOf(given: GivenResponse): Record<string, unknown> {
  const others = Object.keys({ ...sampling, ...thinking }).map((name) => [name, given[name as keyof GivenResponse]])
  const messages = messagesOf(given.input)
  const withLogprobs = given.include?.includes('message.output_text.logprobs') ?? false
  return {
    ...(Object.fromEntries(others) as Record<string, unknown>),
    model: given.model,
    messages: given.instructions ? [{ role: 'system', content: given.instructions }, ...messages] : messages,
    max_completion_tokens: given.max_output_tokens,
    reasoning: given.reasoning,
    stream: given.stream,
    response_format: formatOf(given),
    tools: given.tools?.map(({ type, ...own }) => ({ type, function: own })),
    tool_choice:
      typeof given.tool_choice === 'object' && given.tool_choice
        ? { type: 'function', function: { name: given.tool_choice.name } }
        : given.tool_choice,
    parallel_tool_calls: given.parallel_tool_calls,
    ...(withLogprobs || given.top_logprobs ? { logprobs: true, top_logprobs: given.top_logprobs } : {}),
  }
}

function formatOf({ text: given }: GivenResponse): object | undefined {
  const format = given?.format
  if (!format) return undefined
  if (format.type === 'json_schema') return { type: format.type, json_schema: { schema: format.schema } }
  return { type: format.type }
}

/** Errors of a chat in the names that the client used. */
function inOwnNames<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    const { param } = error.facts
    const facts = { ...error.facts, ...(param === undefined ? {} : { param: ownNames(param) }) }
    throw new ApiError(error.status, error.code, ownNames(error.message), facts)
  }
}

function ownNames(message: string): string {
  return message
    .replace(/\bmessages(?:\.\d+)?\b/g, 'input')
    .replace(/\bmax_completion_tokens\b/g, 'max_output_tokens')
    .replace(/\bresponse_format(?:\.json_schema)?\b/g, 'text.format')
}
