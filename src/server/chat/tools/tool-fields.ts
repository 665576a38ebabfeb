/** `tools`, `tool_choice` and `parallel_tool_calls`: which functions the model may call, and which it must. */
import { z } from 'zod'
import type { AnswerCalls } from '../../../engine/types.ts'
import { toolCallGrammar, type JsonSchema, type ToolDefinition, type ToolFormat } from '../../../llama/index.ts'
import { ApiError, apiErrorOf, quoted } from '../../api-error.ts'
import type { ToolCallSettings } from './tool-call-parser.ts'

const mostTools = 128
/** Of an answer that must be calls: a model might never end. */
const mostCalls = 16

export const functionName = z
  .string('it must be a string')
  .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'it must be 1 to 64 letters, digits, _, - and .')
const tool = z.looseObject({
  type: z.literal('function', 'only functions are offered'),
  function: z.looseObject({
    name: functionName,
    description: z.string('it must be a string').nullish(),
    parameters: z.record(z.string(), z.unknown(), 'it must be a JSON schema').nullish(),
  }),
})

export const toolFields = {
  tools: z
    .array(tool, 'it must be a list of tools')
    .max(mostTools, `it must have at most ${mostTools} tools`)
    .nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
      ],
      'it must be none, auto, required, or {"type": "function", "function": {"name": ...}}',
    )
    .nullish(),
  parallel_tool_calls: z.boolean('it must be true or false').nullish(),
}
type GivenTools = z.infer<z.ZodObject<typeof toolFields>>

export interface ToolUse {
  /** What the template is told of. */
  readonly tools: readonly ToolDefinition[] | undefined
  readonly answerCalls: AnswerCalls | undefined
  /** How calls are found in the answer; undefined: they are not looked for. */
  readonly reading: ToolCallSettings | undefined
  /** JSON pointers of what of the arguments' schemas is not enforced, where something is. */
  readonly notEnforced: readonly string[]
}
const none: ToolUse = { tools: undefined, answerCalls: undefined, reading: undefined, notEnforced: [] }

/** @param param the field that asks for what is not offered */
export function toolsNotSupported(param: string): ApiError {
  return new ApiError(
    400,
    'tools_not_supported',
    "the model's chat template shows no way to call functions that is known here (<tool_call>): leave tools out, or start the server with another one (--chat-template)",
    { param },
  )
}

/**
 * @param format undefined: the template has none that is known
 * @param schema of the answer, if it has one
 * @throws ApiError `invalid_value`, `unsupported_schema`, `conflicting_parameters`
 */
export function readTools(given: GivenTools, format: ToolFormat | undefined, schema: JsonSchema | undefined): ToolUse {
  const tools = (given.tools ?? []).map(definitionOf)
  const choice = given.tool_choice ?? 'auto'
  const names = tools.map((one) => one.function.name)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw wrong(`tools: there are two functions ${quoted(twice)}`, 'tools')
  if (choice === 'none') return none
  if (tools.length === 0 || format === undefined) {
    if (choice !== 'auto') throw wrong('tool_choice needs tools', 'tool_choice')
    return none
  }
  const called = typeof choice === 'string' ? names : [choice.function.name]
  const unknown = called.find((name) => !names.includes(name))
  if (unknown !== undefined) throw wrong(`tool_choice: there is no tool ${quoted(unknown)}`, 'tool_choice')
  const isNamed = typeof choice !== 'string'
  const isSingle = isNamed || given.parallel_tool_calls === false
  const most = isSingle ? 1 : mostCalls
  const reading = { format, tools, most: isSingle ? 1 : Infinity }
  if (choice === 'auto' && schema === undefined) return { ...none, tools, reading }
  if (choice !== 'auto' && schema !== undefined) {
    const message = 'tool_choice wants a call, and response_format an answer: give one of them'
    throw new ApiError(400, 'conflicting_parameters', message, { param: 'tool_choice' })
  }
  const allowed = tools.filter((one) => called.includes(one.function.name))
  return {
    ...{ tools, reading, answerCalls: { functions: called, most } },
    notEnforced: notEnforcedOf({ format, tools: allowed, most, schema }),
  }
}

/** @throws ApiError `unsupported_schema` */
function notEnforcedOf(options: Parameters<typeof toolCallGrammar>[0]): readonly string[] {
  try {
    return toolCallGrammar(options).notEnforced
  } catch (error) {
    const { status, code, message } = apiErrorOf(error)
    throw new ApiError(status, code, message, { param: 'tools' })
  }
}

/** Without what is null: a template would write it. */
function definitionOf({ type, function: given }: NonNullable<GivenTools['tools']>[number]): ToolDefinition {
  const { name, description, parameters, ...rest } = given
  const others = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return {
    type,
    function: { name, ...(description ? { description } : {}), ...(parameters ? { parameters } : {}), ...others },
  }
}

function wrong(message: string, param: string): ApiError {
  return new ApiError(400, 'invalid_value', message, { param })
}
