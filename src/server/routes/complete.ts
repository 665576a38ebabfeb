/** Carries out a request whose answer takes minutes, whatever its form: whole, or as it comes. */
import type { GenerateEvent } from '../../engine/types.ts'
import { ApiError, apiErrorOf, quoted } from '../api-error.ts'
import { parseBody, readBody } from '../body.ts'
import type { AnswerHead, AnswerSettings } from '../chat/completion.ts'
import { ignoredHeader } from '../chat/fields.ts'
import { newId, type Finished } from '../chat/report.ts'
import type { ReadRequest } from '../chat/request.ts'
import { runChoices, settle } from '../chat/run-choices.ts'
import type { RequestDefaults } from '../chat/sampling-fields.ts'
import type { Call } from '../endpoint.ts'
import { clientLeft, eventStream, slowJson } from '../reply.ts'
import type { ServerState } from '../server-state.ts'
import type { Job } from '../service.ts'
import { checkTextSize } from '../text-size.ts'

/** Makes an answer, and its stream, of what happens to a request's choices. */
export interface RequestAnswer {
  /** What is sent at once of a stream, before anything has happened. */
  begin(): object[]
  /** Chunks of a stream; the whole answer is kept as well. */
  onEvent(choice: number, event: GenerateEvent, job: Job): object[]
  /** While a choice waits: how many wait before it. */
  onQueued?(choice: number, position: number): object[]
  /** Forgets what a choice has said: it begins anew. */
  restart(choice: number): void
  /** The last chunks of a stream. */
  end(finished: readonly Finished[]): object[]
  /** The last chunks of a stream that fails, where it tells that in a form of its own. */
  fail?(error: ApiError): object[]
  /** The answer that is no stream. */
  whole(finished: readonly Finished[]): object
}

export interface Asked {
  readonly request: ReadRequest
  readonly answer: (settings: AnswerSettings, settled: ReadRequest, head: AnswerHead) => RequestAnswer
}

/** One kind of requests. */
export interface Kind {
  readonly idPrefix: Parameters<typeof newId>[0]
  /** Whether the events of a stream have names; there is no last line then. */
  readonly hasNamedEvents?: boolean
  /** @throws ApiError naming the first field that is wrong */
  readonly read: (body: Readonly<Record<string, unknown>>, defaults: RequestDefaults) => Asked
}

/** @throws ApiError */
export async function complete(kind: Kind, state: ServerState, call: Call): Promise<Response> {
  const { service, settings } = state
  const body = parseBody(await readBody(call.request, settings.mostBodyBytes))
  const { request: asked, answer: newAnswer } = kind.read(body, settings.defaults)
  checkModel(asked.model, settings)
  for (const { prompt } of asked.generations) checkTextSize(prompt, state)
  const promptScope = settings.sharesPrompts ? '' : call.client
  const generations = asked.generations.map((generation) => ({ ...generation, promptScope }))
  const read = await settle(service, { ...asked, generations }, state.backend.facts?.cells ?? 0)
  if (call.signal.aborted) throw clientLeft()
  const head = { id: newId(kind.idPrefix), created: Math.floor(Date.now() / 1000) }
  const answer = newAnswer(settings.answers, read, head)
  const ignored = ignoredHeader(read.ignored)
  const headers = { ...call.headers, ...(ignored === '' ? {} : { 'x-dynts-ignored': ignored }) }
  return read.isStream
    ? stream(state, call, { id: head.id, read, answer, headers }, kind.hasNamedEvents ?? false)
    : await whole(state, call, { id: head.id, read, answer, headers })
}

interface Completion {
  readonly id: string
  readonly read: ReadRequest
  readonly answer: RequestAnswer
  readonly headers: Readonly<Record<string, string>>
}

function stream(
  { service, settings }: ServerState,
  { client, signal }: Call,
  { id, read, answer, headers }: Completion,
  hasNamedEvents: boolean,
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
    onQueued: (choice, position) => write(...(answer.onQueued?.(choice, position) ?? [])),
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
        (error: unknown) => {
          const last = answer.fail?.(apiErrorOf(error))
          if (last) {
            writer.write(...last)
            writer.done()
          } else writer.fail(error)
        },
      )
    },
    { pingMs: settings.pingMs, headers, signal, onLeave: cancel },
    hasNamedEvents,
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
