/** Messages as clients send them, to messages as a template gets them. */
import { z } from 'zod'
import type { BegunTurn } from '../../engine/types.ts'
import { isObject } from '../../is-object.ts'
import type { ChatMessage, ToolCall } from '../../llama/index.ts'
import { ApiError, quoted } from '../api-error.ts'
import { functionName, toolsNotSupported } from './tools/tool-fields.ts'

const mostMessages = 2048
const roles = ['system', 'developer', 'user', 'assistant', 'tool'] as const

const part = z.looseObject({ type: z.string('it must be a string'), text: z.string('it must be a string').optional() })
const content = z.union([z.string(), z.array(part)], 'it must be a string, or a list of parts')
const toolCall = z.looseObject({
  id: z.string('it must be a string').nullish(),
  type: z.literal('function', 'only functions are offered').nullish(),
  function: z.looseObject({
    name: functionName,
    arguments: z.string('it must be the text of a JSON object').nullish(),
  }),
})
const message = z.looseObject({
  role: z.enum(roles, `it must be one of ${roles.join(', ')}`),
  content: content.nullish(),
  reasoning_content: z.string('it must be a string').nullish(),
  reasoning: z.string('it must be a string').nullish(),
  tool_calls: z.array(toolCall, 'it must be a list of calls').nullish(),
  tool_call_id: z.string('it must be a string').nullish(),
})
export const messagesSchema = z
  .array(message, 'it must be a list of messages')
  .min(1, 'it must have at least one message')
  .max(mostMessages, `it must have at most ${mostMessages} messages`)

type GivenMessage = z.infer<typeof message>

export interface ReadMessages {
  readonly messages: ChatMessage[]
  /** The assistant's last message, where the model is to go on with it. */
  readonly begun: BegunTurn | undefined
}

/**
 * @param hasTools whether the template shows how functions are called
 * @param continues whether a last message of the assistant is gone on with; undefined: if there is one
 * @throws ApiError `invalid_value`, `unsupported_content`, `tools_not_supported`, `conflicting_parameters`
 */
export function readMessages(
  given: readonly GivenMessage[],
  hasTools: boolean,
  continues?: boolean | null,
): ReadMessages {
  const messages = given.map((message, i) => readMessage(message, i, hasTools))
  const last = messages.at(-1)
  if (last?.role !== 'assistant') {
    if (continues !== true) return { messages, begun: undefined }
    const message = "continue_final_message needs a last message of the assistant's"
    throw new ApiError(400, 'conflicting_parameters', message, { param: 'continue_final_message' })
  }
  const where = `messages.${messages.length - 1}`
  const wrong = (message: string, param: string) => new ApiError(400, 'invalid_value', message, { param })
  if (continues === false) {
    const message = "the last message is the assistant's: only going on with it is possible (continue_final_message)"
    throw wrong(message, `${where}.role`)
  }
  if (last.tool_calls) throw wrong('calls of functions cannot be gone on with', `${where}.tool_calls`)
  if (messages.length === 1) throw wrong("there must be a message before the assistant's", 'messages')
  return { messages: messages.slice(0, -1), begun: { thinking: last.reasoning_content ?? '', answer: last.content } }
}

function readMessage(given: GivenMessage, index: number, hasTools: boolean): ChatMessage {
  const where = `messages.${index}`
  const role = given.role === 'developer' ? 'system' : given.role
  const calls = role === 'assistant' ? (given.tool_calls ?? []) : []
  if (!hasTools && (role === 'tool' || calls.length > 0)) throw toolsNotSupported(where)
  const text = textOf(given.content, where)
  if (text === undefined && role !== 'assistant') {
    throw new ApiError(400, 'missing_field', `${where}.content is missing`, { param: `${where}.content` })
  }
  const thinking = role === 'assistant' ? thinkingOf(given, where) : undefined
  return {
    ...{ role, content: text ?? '' },
    ...(thinking === undefined ? {} : { reasoning_content: thinking }),
    ...(calls.length > 0 ? { tool_calls: calls.map((call, i) => readCall(call, `${where}.tool_calls.${i}`)) } : {}),
    ...(role === 'tool' && typeof given.tool_call_id === 'string' ? { tool_call_id: given.tool_call_id } : {}),
  }
}

/** @throws ApiError `invalid_value` */
function readCall({ id, function: given }: z.infer<typeof toolCall>, where: string): ToolCall {
  return {
    ...(id ? { id } : {}),
    type: 'function',
    function: { name: given.name, arguments: argumentsOf(given.arguments, `${where}.function.arguments`) },
  }
}

/** Templates want an object. Some clients give an empty text for none. */
function argumentsOf(given: string | null | undefined, param: string): Readonly<Record<string, unknown>> {
  try {
    const value = JSON.parse(given?.trim() ? given : '{}') as unknown
    if (isObject(value)) return value
  } catch {
    // Said below.
  }
  throw new ApiError(400, 'invalid_value', `${param} must be the text of a JSON object`, { param })
}

function textOf(given: GivenMessage['content'], where: string): string | undefined {
  if (typeof given === 'string') return given
  return given?.map(({ type, text }, i) => textOfPart(type, text, `${where}.content.${i}`)).join('\n')
}

function textOfPart(type: string, text: string | undefined, param: string): string {
  if (type !== 'text') {
    throw new ApiError(400, 'unsupported_content', `${param}: only text is offered, not ${quoted(type)}`, { param })
  }
  if (text === undefined)
    throw new ApiError(400, 'missing_field', `${param}.text is missing`, { param: `${param}.text` })
  return text
}

function thinkingOf({ reasoning_content, reasoning }: GivenMessage, where: string): string | undefined {
  if (typeof reasoning_content === 'string' && typeof reasoning === 'string' && reasoning_content !== reasoning) {
    const message = `${where}: reasoning_content and reasoning differ`
    throw new ApiError(400, 'conflicting_parameters', message, { param: `${where}.reasoning` })
  }
  return reasoning_content ?? reasoning ?? undefined
}
