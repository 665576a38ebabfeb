/** /v1/stream: a stream that was begun with an X-Conversation-Id, read again after its client had left, or cancelled. */
import { ApiError, quoted } from '../api-error.ts'
import type { Call, Endpoint } from '../endpoint.ts'
import * as answers from '../openapi/answers.ts'
import { streamReply } from '../reply.ts'
import { conversationId, offsetIn, unreadSeconds } from '../resumable-streams.ts'

const path = '/v1/stream'
const ofId = {
  conv_id: {
    meaning: 'The X-Conversation-Id of the request that began it.',
    pattern: '^[\\x21-\\x7e]{1,128}$',
    isRequired: true,
  },
}

export const resumeStream: Endpoint = {
  method: 'GET',
  path,
  summary: 'A stream whose client had left, from a byte on, and what follows',
  needsKey: true,
  query: {
    ...ofId,
    from: { meaning: 'How many of its bytes the client has already; default 0.', pattern: '^\\d{1,15}$' },
  },
  event: answers.chatChunk,
  handle: ({ streams }, { url, client, headers, signal }) => {
    const id = idOf(url)
    const log = streams.find(client, id)
    if (!log) throw unknown(id)
    return streamReply(log.follow(offsetIn(log, url.searchParams.get('from')), signal), headers)
  },
}

export const cancelStream: Endpoint = {
  method: 'DELETE',
  path,
  summary: 'Ends such a stream, and forgets it',
  needsKey: true,
  query: {
    ...ofId,
    unread_for: {
      meaning: 'Only if nobody reads it when so many seconds have passed: for a page that is left, or loaded anew.',
      pattern: '^\\d{1,3}$',
    },
  },
  handle: ({ streams }, { url, client, headers }) => {
    const id = idOf(url)
    const grace = url.searchParams.get('unread_for')
    const isThere =
      grace === null ? streams.cancel(client, id) : streams.cancelUnlessRead(client, id, 1000 * unreadSeconds(grace))
    if (!isThere) throw unknown(id)
    return new Response(null, { status: 204, headers })
  },
}

function idOf(url: Call['url']): string {
  return conversationId(url.searchParams.get('conv_id'), 'conv_id')
}

function unknown(id: string): ApiError {
  const message = `there is no stream ${quoted(id)} of yours: it was never begun, was cancelled, or ended some time ago`
  return new ApiError(404, 'not_found', message, { param: 'conv_id' })
}
