/** POST /tokenize, /detokenize and /apply-template, in llama-server's names; the first two in vLLM's as well, with its /tokenizer_info. */
import { z } from 'zod'
import { ApiError } from '../api-error.ts'
import { parseBody, readBody } from '../body.ts'
import { unknownFields, withIgnored } from '../chat/fields.ts'
import { chatForm, checked, readChatRequest } from '../chat/request.ts'
import type { Call, Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import type { ServerState } from '../server-state.ts'
import { checkTextSize } from '../text-size.ts'
import { contextOf } from './models.ts'
import { boundaryTokens } from './state.ts'

const mostBytes = 256 * 1024
const yesOrNo = z.boolean('it must be true or false').nullish()
const text = z.string('it must be a string').nullish()
const textSchema = z.object({
  content: text,
  prompt: text,
  add_special: yesOrNo,
  add_special_tokens: yesOrNo,
  parse_special: yesOrNo,
  with_pieces: yesOrNo,
})
const tokensSchema = z.object({
  tokens: z
    .array(z.int('it must be a whole number'), 'it must be a list of tokens')
    .max(mostBytes, 'they are too many'),
})

async function bodyOf({ settings }: ServerState, { request }: Call): Promise<Record<string, unknown>> {
  return parseBody(await readBody(request, settings.mostBodyBytes))
}

export const tokenize: Endpoint = {
  method: 'POST',
  path: '/tokenize',
  summary: 'The tokens of a text',
  needsKey: true,
  body: { name: 'TokenizeRequest', schema: textSchema },
  answer: answers.tokenList,
  handle: async (state, call) => {
    const body = await bodyOf(state, call)
    const given = checked(textSchema, body)
    const { parse_special, with_pieces } = given
    const content = given.content ?? given.prompt
    if (typeof content !== 'string')
      throw new ApiError(400, 'missing_field', 'content is missing', { param: 'content' })
    if (Buffer.byteLength(content) > mostBytes) {
      throw new ApiError(400, 'invalid_value', `content must have at most ${mostBytes} bytes`, { param: 'content' })
    }
    // vLLM's default is the other one.
    const addBos = given.add_special ?? given.add_special_tokens ?? typeof given.content !== 'string'
    const options = { special: parse_special ?? true, addBos }
    const tokens = [...(await state.service.ask('tokenize', { text: content, ...options }))]
    const pieces = with_pieces === true ? await state.service.ask('tokenBytes', tokens) : undefined
    const listed = pieces ? pieces.map((bytes, i) => ({ id: tokens[i], piece: pieceOf(bytes) })) : tokens
    const headers = withIgnored(call.headers, unknownFields(body, textSchema.shape))
    return Response.json({ tokens: listed, count: tokens.length, max_model_len: contextOf(state) }, { headers })
  },
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Text, or bytes where they are no whole characters. */
export function pieceOf(bytes: Uint8Array): string | number[] {
  try {
    return decoder.decode(bytes)
  } catch {
    return [...bytes]
  }
}

export const detokenize: Endpoint = {
  method: 'POST',
  path: '/detokenize',
  summary: 'The text of tokens',
  needsKey: true,
  body: { name: 'DetokenizeRequest', schema: tokensSchema },
  answer: answers.detokenized,
  handle: async (state, call) => {
    const body = await bodyOf(state, call)
    const { tokens } = checked(tokensSchema, body)
    const texts = await state.service.ask('detokenize', tokens)
    const headers = withIgnored(call.headers, unknownFields(body, tokensSchema.shape))
    const content = texts.join('')
    return Response.json({ content, prompt: content }, { headers })
  },
}

export const tokenizerInfo: Endpoint = {
  method: 'GET',
  path: '/tokenizer_info',
  summary: 'Chat template, and the tokens with which texts begin and end',
  needsKey: true,
  answer: answers.tokenizerInfo,
  handle: async (state, { headers }) => {
    const { bos_token: bos, eos_token: eos } = await boundaryTokens(state)
    const { chatTemplate: template } = state.located.info
    return Response.json(
      { bos_token: bos || null, eos_token: eos || null, chat_template: template ?? null },
      { headers },
    )
  },
}

export const applyTemplate: Endpoint = {
  method: 'POST',
  path: '/apply-template',
  summary: 'A conversation as the model gets it',
  needsKey: true,
  body: { name: 'ChatCompletionRequest', schema: chatForm },
  answer: answers.rendered,
  handle: async (state, call) => {
    const { generations, ignored } = readChatRequest(await bodyOf(state, call), state.settings.defaults)
    const [generation] = generations
    if (!generation) throw new Error('there is no prompt')
    checkTextSize(generation.prompt, state)
    const prompt = await state.service.ask('render', generation.prompt)
    return Response.json({ prompt }, { headers: withIgnored(call.headers, ignored) })
  },
}
