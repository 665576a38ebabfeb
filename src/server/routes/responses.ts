/** POST /v1/responses: the same answers in the form of OpenAI's newer API. */
import type { Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import { mergeResponseEvent } from '../responses/merge-event.ts'
import { readResponseRequest, responseForm } from '../responses/request.ts'
import { ResponseAnswer } from '../responses/response.ts'
import { complete, type Kind } from './complete.ts'

const response: Kind = {
  idPrefix: 'resp_',
  events: { isNamed: true, mergeInto: mergeResponseEvent },
  read: (body, defaults) => {
    const { request, given } = readResponseRequest(body, defaults)
    return { request, answer: (settings, settled, head) => new ResponseAnswer(settings, settled, given, head) }
  },
}

export const responses: Endpoint = {
  method: 'POST',
  path: '/v1/responses',
  also: ['/responses'],
  summary: 'An answer, item by item',
  needsKey: true,
  body: { name: 'ResponseRequest', schema: responseForm },
  answer: answers.response,
  event: answers.responseEvent,
  handle: (state, call) => complete(response, state, call),
}
