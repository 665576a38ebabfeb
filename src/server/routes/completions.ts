/** POST /v1/chat/completions and /v1/completions: text from a model, whole or as it comes, and what is done to one that runs. */
import { z } from 'zod'
import { readBody, parseBody } from '../body.ts'
import { ApiError, quoted } from '../api-error.ts'
import { Answer, chatForm, textForm, type AnswerForm } from '../chat/completion.ts'
import { ignoredHeader } from '../chat/fields.ts'
import { newId } from '../chat/report.ts'
import { checked, readChatRequest, type ReadRequest } from '../chat/request.ts'
import { readTextRequest } from '../chat/text-request.ts'
import { runChoices, settle } from '../chat/run-choices.ts'
import type { Call, Endpoint } from '../endpoint.ts'
import { clientLeft, eventStream, slowJson } from '../reply.ts'
import type { ServerState } from '../server-state.ts'
import { checkTextSize } from '../text-size.ts'

/** One kind of completion. */
interface Kind {
  readonly idPrefix: 'chatcmpl' | 'cmpl'
  readonly read: (body: Readonly<Record<string, unknown>>, defaults: ServerState['settings']['defaults']) => ReadRequest
  readonly form: AnswerForm
}

const chat: Kind = { idPrefix: 'chatcmpl', read: readChatRequest, form: chatForm }
const text: Kind = { idPrefix: 'cmpl', read: readTextRequest, form: textForm }

export const chatCompletions: Endpoint = {
  method: 'POST',
  path: '/v1/chat/completions',
  also: ['/chat/completions'],
  summary: 'An answer to a conversation',
  needsKey: true,
  handle: (state, call) => complete(chat, state, call),
}

export const textCompletions: Endpoint = {
  method: 'POST',
  path: '/v1/completions',
  summary: 'A text that goes on',
  needsKey: true,
  handle: (state, call) => complete(text, state, call),
}

export const countTokens: Endpoint = {
  method: 'POST',
  path: '/v1/chat/completions/input_tokens',
  summary: 'How many tokens a conversation is',
  needsKey: true,
  handle: async (state, call) => {
    const { mostBodyBytes, defaults } = state.settings
    const { generations, seed } = chat.read(parseBody(await readBody(call.request, mostBodyBytes)), defaults)
    const [plan] = await Promise.all(
      generations.map((generation) => state.service.ask('plan', { ...generation, seed })),
    )
    const body = { object: 'response.input_tokens', input_tokens: plan?.promptTokens ?? 0 }
    return Response.json(body, { headers: call.headers })
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
  handle: async ({ service, settings }, { request, client, headers }) => {
    const { id, action } = checked(controlSchema, parseBody(await readBody(request, settings.mostBodyBytes)))
    const isDone = service.control(client, id, action === 'cancel' ? 'cancel' : 'end_thinking')
    const why = action === 'cancel' ? 'it does not run' : 'it does not think'
    const body = isDone ? { success: true } : { success: false, message: `${id}: ${why}` }
    return Response.json(body, { headers })
  },
}

async function complete(kind: Kind, state: ServerState, call: Call): Promise<Response> {
  const { service, settings } = state
  const asked = kind.read(parseBody(await readBody(call.request, settings.mostBodyBytes)), settings.defaults)
  checkModel(asked.model, settings)
  for (const { prompt } of asked.generations) checkTextSize(prompt, state)
  const promptScope = settings.sharesPrompts ? '' : call.client
  const generations = asked.generations.map((generation) => ({ ...generation, promptScope }))
  const read = await settle(service, { ...asked, generations }, state.backend.facts?.cells ?? 0)
  if (call.signal.aborted) throw clientLeft()
  const head = { id: newId(kind.idPrefix), created: Math.floor(Date.now() / 1000) }
  const answer = new Answer(kind.form, settings.answers, read, head)
  const ignored = ignoredHeader(read.ignored)
  const headers = { ...call.headers, ...(ignored === '' ? {} : { 'x-dynts-ignored': ignored }) }
  return read.isStream
    ? stream(state, call, { id: head.id, read, answer, headers })
    : await whole(state, call, { id: head.id, read, answer, headers })
}

interface Completion {
  readonly id: string
  readonly read: ReadRequest
  readonly answer: Answer
  readonly headers: Readonly<Record<string, string>>
}

function stream(
  { service, settings }: ServerState,
  { client, signal }: Call,
  { id, read, answer, headers }: Completion,
): Response {
  // A full queue is told by the status: nothing has been sent yet.
  const waiting: object[][] = []
  let write = (...chunks: readonly object[]): void => void waiting.push([...chunks])
  let hasSaid = false
  const { finished, cancel } = runChoices(service, client, id, read, {
    onEvent: (choice, event, job) => {
      const chunks = answer.onEvent(choice, event, job)
      hasSaid ||= chunks.length > 0
      write(...chunks)
    },
    onQueued: (choice, position) => write(...answer.onQueued(choice, position)),
    onRestart: (choice) => {
      if (!hasSaid) answer.restart(choice)
      return !hasSaid
    },
  })
  return eventStream(
    (writer) => {
      writer.write(...answer.begin(), ...waiting.flat())
      write = (...chunks) => writer.write(...chunks)
      finished.then(
        (ends) => {
          writer.write(...answer.end(ends))
          writer.done()
        },
        (error: unknown) => writer.fail(error),
      )
    },
    { pingMs: settings.pingMs, headers, signal, onLeave: cancel },
  )
}

async function whole(
  { service, settings }: ServerState,
  { client, signal }: Call,
  completion: Completion,
): Promise<Response> {
  const { id, read, answer, headers } = completion
  const { finished, cancel } = runChoices(service, client, id, read, {
    onEvent: (choice, event, job) => void answer.onEvent(choice, event, job),
    onRestart: (choice) => {
      answer.restart(choice)
      return true
    },
  })
  return await slowJson(
    finished.then((ends) => answer.whole(ends)),
    { pingMs: settings.pingMs, headers, signal, onLeave: cancel },
  )
}

/** @throws ApiError `model_not_found` */
function checkModel(model: string | undefined, { aliases, isStrictModel }: ServerState['settings']): void {
  if (!isStrictModel || model === undefined || aliases.includes(model)) return
  throw new ApiError(
    404,
    'model_not_found',
    `there is no model ${quoted(model)} here; there is ${aliases.join(', ')}`,
    { param: 'model' },
  )
}
