/** Carries out a request whose answer takes minutes, whatever its form: whole, or as it comes. */
import type { GenerateEvent } from '../../engine/types.ts'
import { ApiError, apiErrorOf, quoted } from '../api-error.ts'
import { parseBody, readBody } from '../body.ts'
import type { ByteLog } from '../byte-log.ts'
import type { AnswerHead, AnswerSettings } from '../chat/completion.ts'
import { withIgnored } from '../chat/fields.ts'
import { newId, type Finished } from '../chat/report.ts'
import type { ReadRequest } from '../chat/request.ts'
import { runChoices } from '../chat/run-choices.ts'
import type { RequestDefaults } from '../chat/sampling-fields.ts'
import type { Call } from '../endpoint.ts'
import { EventWriter, signOfLife, type EventForm, type StreamWriter } from '../event-writer.ts'
import { systemFingerprint } from '../fingerprint.ts'
import { LogWriter } from '../log-writer.ts'
import { clientLeft, eventStream, leaving, slowJson, soon, streamReply } from '../reply.ts'
import { conversationId } from '../resumable-streams.ts'
import type { ServerState } from '../server-state.ts'
import type { Job } from '../job.ts'
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
  const { settings } = state
  const body = parseBody(await readBody(call.request, settings.mostBodyBytes))
  const { request: asked, answer } = kind.read(body, settings.defaults)
  checkModel(asked.model, settings)
  for (const { prompt } of asked.generations) checkTextSize(prompt, state)
  const promptScope = settings.sharesPrompts ? '' : call.client
  const read = { ...asked, generations: asked.generations.map((generation) => ({ ...generation, promptScope })) }
  const head = { id: newId(kind.idPrefix), created: Math.floor(Date.now() / 1000) }
  const completion: Completion = {
    id: head.id,
    read,
    newAnswer: (settled) => answer({ ...settings.answers, fingerprint: systemFingerprint(state) }, settled, head),
    events: kind.events,
    headers: withIgnored(call.headers, read.ignored),
  }
  if (!read.isStream) return await whole(state, call, completion)
  const conversation = openConversation(state, call)
  return conversation
    ? await resumableStream(state, call, completion, conversation)
    : await ownStream(state, call, completion)
}

interface Completion {
  readonly id: string
  /** As it was asked for. */
  readonly read: ReadRequest
  readonly newAnswer: (settled: ReadRequest) => RequestAnswer
  readonly events: EventForm
  readonly headers: Readonly<Record<string, string>>
}

/** A stream that runs, and is about to be written. */
interface RunningStream {
  /** Once it is known what the engine is to do, or that it is being started again. Rejects with the ApiError of what comes to nothing before that. */
  readonly accepted: Promise<unknown>
  /** To be called once. */
  readonly writeTo: (writer: StreamWriter) => void
  readonly cancel: () => void
}

/** @throws ApiError if the queue is full */
function begin(state: ServerState, call: Call, { id, read, newAnswer }: Completion): RunningStream {
  const waiting: object[][] = []
  let write = (...chunks: readonly object[]): void => void waiting.push([...chunks])
  let hasSaid = false
  let answer: RequestAnswer | undefined
  const open = (settled: ReadRequest): RequestAnswer => {
    answer = newAnswer(settled)
    write(...answer.begin())
    return answer
  }
  const { settled, waits, finished, cancel } = runChoices(state, call, id, read, {
    onSettled: (carriedOut) => void open(carriedOut),
    onEvent: (choice, event, job) => {
      const chunks = answer?.onEvent(choice, event, job) ?? []
      // How far the prompt is can be told again, and what it says of its tokens cannot.
      hasSaid ||= chunks.length > 0 && (event.type !== 'prompt' || event.odds !== undefined)
      write(...chunks)
    },
    onQueued: (choice, position) => write(...(answer?.onQueued?.(choice, position) ?? [])),
    onRestart: (choice) => {
      if (!hasSaid) answer?.restart(choice)
      return !hasSaid
    },
  })
  const writeTo = (writer: StreamWriter) => {
    writer.write(...waiting.flat())
    write = (...chunks) => writer.write(...chunks)
    finished.then(
      (ends) => {
        write(...(answer?.end(ends) ?? []))
        writer.done()
      },
      (error: unknown) => {
        const last = (answer ?? open(read)).fail?.(apiErrorOf(error))
        if (last) {
          write(...last)
          writer.done()
        } else writer.fail(error)
      },
    )
  }
  return { accepted: Promise.race([settled, waits, finished]), writeTo, cancel }
}

/** Ends when its client leaves. */
async function ownStream(state: ServerState, call: Call, completion: Completion): Promise<Response> {
  const { accepted, writeTo, cancel } = begin(state, call, completion)
  const life = { pingMs: state.settings.pingMs, signal: call.signal, onLeave: cancel }
  await Promise.race([soon(accepted, life.pingMs), leaving(life)])
  return eventStream(writeTo, { ...life, headers: completion.headers }, completion.events)
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

async function resumableStream(
  state: ServerState,
  call: Call,
  completion: Completion,
  conversation: ConversationStream,
): Promise<Response> {
  const { id, log } = conversation
  const { pingMs } = state.settings
  try {
    const { accepted, writeTo, cancel } = begin(state, call, completion)
    conversation.onCancel = () => {
      cancel()
      conversation.close()
    }
    // Whether its client is still there does not matter.
    await soon(accepted, pingMs)
    if (log.isEnded) throw clientLeft()
    const sink = new LogWriter(log, signOfLife, pingMs, () => state.streams.end(call.client, id, log))
    const writer = new EventWriter(sink, completion.events)
    conversation.onCancel = () => {
      cancel()
      writer.fail(new ApiError(499, 'cancelled', 'the stream was cancelled'))
    }
    writeTo(writer)
  } catch (error) {
    conversation.close()
    throw error
  }
  return streamReply(log.follow(0, call.signal), { ...completion.headers, [conversationHeader]: id })
}

async function whole(state: ServerState, call: Call, { id, read, newAnswer, headers }: Completion): Promise<Response> {
  let answer = newAnswer(read)
  const { finished, cancel } = runChoices(state, call, id, read, {
    onSettled: (settled) => void (answer = newAnswer(settled)),
    onEvent: (choice, event, job) => void answer.onEvent(choice, event, job),
    onRestart: (choice) => {
      answer.restart(choice)
      return true
    },
  })
  return await slowJson(
    finished.then((ends) => answer.whole(ends)),
    { pingMs: state.settings.pingMs, headers, signal: call.signal, onLeave: cancel },
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
