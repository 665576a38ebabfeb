/** The grammar that holds an answer to a form: JSON of a schema, or calls of functions. */
import { InputError } from '../errors.ts'
import { findToolFormat, schemaGrammar, toolCallGrammar } from '../llama/index.ts'
import type { ModelFacts } from './forward-pass.ts'
import type { AnswerCalls, GenerateRequest, Prompt } from './types.ts'

/**
 * In llama.cpp's form; undefined: the answer is free.
 * @throws InputError `unsupported_schema`, `invalid_request`, `tools_not_supported`
 */
export function answerGrammar(
  request: GenerateRequest,
  { thinkingTags, chatTemplate = '' }: Pick<ModelFacts, 'thinkingTags' | 'chatTemplate'>,
): string | undefined {
  const { answerSchema, answerCalls, replay, prompt } = request
  if (answerSchema === undefined && answerCalls === undefined) return undefined
  if (replay !== undefined) {
    const name = answerCalls === undefined ? 'answerSchema' : 'answerCalls'
    throw new InputError('invalid_request', `${name} has no effect on a replay`)
  }
  if ('messages' in prompt && prompt.begun?.answer) {
    throw new InputError('invalid_request', 'an answer that is begun already cannot be held to a form')
  }
  if (thinkingTags.between !== '' || thinkingTags.answerOpens.length > 0) {
    throw new InputError(
      'unsupported_schema',
      'the turns of this model have channels, in which an answer cannot be held to a schema',
    )
  }
  if (answerCalls === undefined) return answerSchema === undefined ? undefined : schemaGrammar(answerSchema).gbnf
  const format = findToolFormat(chatTemplate)
  if (format === undefined) {
    throw new InputError('tools_not_supported', "the model's chat template does not show how functions are called")
  }
  return toolCallGrammar({ format, ...calledFunctions(answerCalls, prompt), schema: answerSchema }).gbnf
}

const mostCalls = 64

/** @throws InputError `invalid_request` */
function calledFunctions({ functions, most = 1 }: AnswerCalls, prompt: Prompt) {
  const given = ('messages' in prompt ? prompt.tools : undefined) ?? []
  const names = given.map((tool) => tool.function.name)
  const unknown = functions?.find((name) => !names.includes(name))
  if (unknown !== undefined) throw new InputError('invalid_request', `answerCalls: the prompt has no tool ${unknown}`)
  const tools = given.filter((tool) => functions?.includes(tool.function.name) ?? true)
  if (tools.length === 0) throw new InputError('invalid_request', 'answerCalls needs tools in the prompt')
  if (!(Number.isInteger(most) && most >= 1 && most <= mostCalls)) {
    throw new InputError(
      'invalid_request',
      `answerCalls.most must be a whole number from 1 to ${mostCalls}, not ${most}`,
    )
  }
  return { tools, most }
}
