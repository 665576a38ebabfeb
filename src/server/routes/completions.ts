/** POST /v1/chat/completions and /v1/completions: text from a model, whole or as it comes, and what is done to one that runs. */
import { z } from 'zod'
import { readBody, parseBody } from '../body.ts'
import {
  CompletionAnswer,
  chatForm as chatAnswer,
  textForm as textAnswer,
  type AnswerForm,
} from '../chat/completion.ts'
import { unknownFields, withIgnored } from '../chat/fields.ts'
import { mergeChunk } from '../chat/merge-chunk.ts'
import { chatForm, checked, readChatRequest, type ReadRequest } from '../chat/request.ts'
import { fitted } from '../chat/run-choices.ts'
import { readTextRequest, textForm } from '../chat/text-request.ts'
import type { Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import { checkTextSize } from '../text-size.ts'
import { complete, type Asked, type Kind } from './complete.ts'

const chatBody = { name: 'ChatCompletionRequest', schema: chatForm }

const chat: Kind = {
  idPrefix: 'chatcmpl-',
  events: { mergeInto: mergeChunk },
  read: (body, defaults) => asked(readChatRequest(body, defaults), chatAnswer),
}
const text: Kind = {
  idPrefix: 'cmpl-',
  events: { mergeInto: mergeChunk },
  read: (body, defaults) => asked(readTextRequest(body, defaults), textAnswer),
}

function asked(request: ReadRequest, form: AnswerForm): Asked {
  return { request, answer: (settings, settled, head) => new CompletionAnswer(form, settings, settled, head) }
}

export const chatCompletions: Endpoint = {
  method: 'POST',
  path: '/v1/chat/completions',
  also: ['/chat/completions'],
  summary: 'An answer to a conversation',
  needsKey: true,
  body: chatBody,
  answer: answers.chatCompletion,
  event: answers.chatChunk,
  handle: (state, call) => complete(chat, state, call),
}

export const textCompletions: Endpoint = {
  method: 'POST',
  path: '/v1/completions',
  summary: 'A text that goes on',
  needsKey: true,
  body: { name: 'CompletionRequest', schema: textForm },
  answer: answers.textCompletion,
  event: answers.textChunk,
  handle: (state, call) => complete(text, state, call),
}

export const countTokens: Endpoint = {
  method: 'POST',
  path: '/v1/chat/completions/input_tokens',
  summary: 'How many tokens a conversation is',
  needsKey: true,
  body: chatBody,
  answer: answers.tokenCount,
  handle: async (state, call) => {
    const { mostBodyBytes, defaults } = state.settings
    const { generations, seed, mayGrow, ignored } = readChatRequest(
      parseBody(await readBody(call.request, mostBodyBytes)),
      defaults,
    )
    const [generation] = generations
    if (!generation) throw new Error('there is no prompt')
    checkTextSize(generation.prompt, state)
    const cells = state.backend.facts?.cells ?? 0
    const { plan } = await fitted({ service: state.service, cells }, { ...generation, seed }, mayGrow)
    const body = { object: 'response.input_tokens', input_tokens: plan.promptTokens }
    return Response.json(body, { headers: withIgnored(call.headers, ignored) })
  },
}

const controlSchema = z.object({
  id: z.string('it must be a string').max(64, 'it is too long'),
  action: z.enum(['end_thinking', 'reasoning_end', 'cancel'], 'it must be end_thinking or cancel'),
})

export const control: Endpoint = {
  method: 'POST',
  path: '/v1/chat/completions/control',
  summary: 'Ends the thinking of a completion that runs, or all of it',
  needsKey: true,
  body: { name: 'ControlRequest', schema: controlSchema },
  answer: answers.controlled,
  handle: async ({ service, settings }, { request, client, headers }) => {
    const given = parseBody(await readBody(request, settings.mostBodyBytes))
    const { id, action } = checked(controlSchema, given)
    const isDone = action === 'cancel' ? service.cancelCompletion(client, id) : service.endThinking(client, id)
    const why = action === 'cancel' ? 'it neither runs nor waits' : 'it does not think'
    const body = isDone ? { success: true } : { success: false, message: `${id}: ${why}` }
    return Response.json(body, { headers: withIgnored(headers, unknownFields(given, controlSchema.shape)) })
  },
}
