/** Carries out a request whose answer takes minutes, whatever its form: whole, or as it comes. */
import type { GenerateEvent } from '../../engine/types.ts'
import { ApiError, apiErrorOf, quoted } from '../api-error.ts'
import { parseBody, readBody } from '../body.ts'
import type { ByteLog } from '../byte-log.ts'
import type { AnswerHead, AnswerSettings } from '../chat/completion.ts'
import { withIgnored } from '../chat/fields.ts'
import { newId, type Finished } from '../chat/report.ts'
import type { ReadRequest } from '../chat/request.ts'
import { runChoices, settle } from '../chat/run-choices.ts'
import type { RequestDefaults } from '../chat/sampling-fields.ts'
import type { Call } from '../endpoint.ts'
import { EventWriter, signOfLife, type EventForm, type StreamWriter } from '../event-writer.ts'
import { systemFingerprint } from '../fingerprint.ts'
import { LogWriter } from '../log-writer.ts'
import { clientLeft, eventStream, slowJson, streamReply } from '../reply.ts'
import { conversationId } from '../resumable-streams.ts'
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
  readonly events: EventForm
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
  const conversation = asked.isStream ? openConversation(state, call) : undefined
  try {
    const read = await settle(service, { ...asked, generations }, state.backend.facts?.cells ?? 0)
    return await answered(kind, state, call, { read, newAnswer, conversation })
  } catch (error) {
    conversation?.close()
    throw error
  }
}

interface Settled {
  readonly read: ReadRequest
  readonly newAnswer: Asked['answer']
  readonly conversation: ConversationStream | undefined
}

async function answered(
  kind: Kind,
  state: ServerState,
  call: Call,
  { read, newAnswer, conversation }: Settled,
): Promise<Response> {
  const { settings } = state
  if (conversation ? conversation.log.isEnded : call.signal.aborted) throw clientLeft()
  const head = { id: newId(kind.idPrefix), created: Math.floor(Date.now() / 1000) }
  const answer = newAnswer({ ...settings.answers, fingerprint: systemFingerprint(state) }, read, head)
  const headers = {
    ...withIgnored(call.headers, read.ignored),
    ...(conversation === undefined ? {} : { [conversationHeader]: conversation.id }),
  }
  const completion = { id: head.id, read, answer, headers }
  if (!read.isStream) return await whole(state, call, completion)
  const running = begin(state, call, completion)
  return conversation === undefined
    ? ownStream(state, call, running, { headers, events: kind.events })
    : resumableStream(state, call, running, { headers, events: kind.events, conversation })
}

interface Completion {
  readonly id: string
  readonly read: ReadRequest
  readonly answer: RequestAnswer
  readonly headers: Readonly<Record<string, string>>
}

/** A stream that runs, and is about to be written. */
interface RunningStream {
  /** To be called once. */
  readonly writeTo: (writer: StreamWriter) => void
  readonly cancel: () => void
}

/** @throws ApiError if the queue is full: nothing has been sent yet, so it is told by the status */
function begin({ service }: ServerState, call: Call, { id, read, answer }: Omit<Completion, 'headers'>): RunningStream {
  const waiting: object[][] = []
  let write = (...chunks: readonly object[]): void => void waiting.push([...chunks])
  let hasSaid = false
  const { finished, cancel } = runChoices(service, call, id, read, {
    onEvent: (choice, event, job) => {
      const chunks = answer.onEvent(choice, event, job)
      // How far the prompt is can be told again.
      hasSaid ||= chunks.length > 0 && event.type !== 'prompt'
      write(...chunks)
    },
    onQueued: (choice, position) => write(...(answer.onQueued?.(choice, position) ?? [])),
    onRestart: (choice) => {
      if (!hasSaid) answer.restart(choice)
      return !hasSaid
    },
  })
  const writeTo = (writer: StreamWriter) => {
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
  }
  return { writeTo, cancel }
}

interface StreamSettings {
  readonly headers: Readonly<Record<string, string>>
  readonly events: EventForm
}

/** Ends when its client leaves. */
function ownStream(
  { settings }: ServerState,
  { signal }: Call,
  { writeTo, cancel }: RunningStream,
  { headers, events }: StreamSettings,
): Response {
  return eventStream(writeTo, { pingMs: settings.pingMs, headers, signal, onLeave: cancel }, events)
}

/** A stream that goes on when its client leaves, and can be read again. It is there before anything of it is. */
interface ConversationStream {
  readonly id: string
  readonly log: ByteLog
  /** Ends what runs for it, when it is cancelled. */
  onCancel: () => void
  readonly close: () => void
}

const conversationHeader = 'x-conversation-id'

/** @throws ApiError `invalid_value`, `queue_full` */
function openConversation({ streams }: ServerState, { request, client }: Call): ConversationStream | undefined {
  const given = request.headers.get(conversationHeader)
  if (given === null) return undefined
  const id = conversationId(given, conversationHeader)
  const log = streams.open(client, id, () => conversation.onCancel())
  const close = () => streams.close(client, id, log)
  const conversation: ConversationStream = { id, log, onCancel: close, close }
  return conversation
}

function resumableStream(
  { settings, streams }: ServerState,
  { client, signal }: Call,
  { writeTo, cancel }: RunningStream,
  { headers, events, conversation }: StreamSettings & { readonly conversation: ConversationStream },
): Response {
  const { id, log } = conversation
  const sink = new LogWriter(log, signOfLife, settings.pingMs, () => streams.end(client, id, log))
  const writer = new EventWriter(sink, events)
  conversation.onCancel = () => {
    cancel()
    writer.fail(new ApiError(499, 'cancelled', 'the stream was cancelled'))
  }
  writeTo(writer)
  return streamReply(log.follow(0, signal), headers)
}

async function whole({ service, settings }: ServerState, call: Call, completion: Completion): Promise<Response> {
  const { id, read, answer, headers } = completion
  const { finished, cancel } = runChoices(service, call, id, read, {
    onEvent: (choice, event, job) => void answer.onEvent(choice, event, job),
    onRestart: (choice) => {
      answer.restart(choice)
      return true
    },
  })
  return await slowJson(
    finished.then((ends) => answer.whole(ends)),
    { pingMs: settings.pingMs, headers, signal: call.signal, onLeave: cancel },
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
