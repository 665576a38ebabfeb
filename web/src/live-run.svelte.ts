/** One run, while it runs and after: its record, and where it stands. */
import { cancelStream, endThinking, run, ServerError, type PromptProgress } from './api.ts'
import type { RunEvent, RunFile } from './protocol.ts'
import { RunRecord } from './run-record.ts'
import { bodyOf, type Message, type Settings } from './settings.ts'
import { addStopped, removeStopped, stoppedStreams } from './stored-turn.ts'

export type RunState = 'asking' | 'queued' | 'prompt' | 'thinking' | 'answer' | 'done' | 'stopped' | 'failed'

/** After so long the server may end the stream of a page that was left, if nobody reads it: a reload reads it again. */
const reloadSeconds = 30

export class LiveRun {
  readonly record = new RunRecord()
  /** By which its stream is found again, when the connection is lost or the page loaded anew. */
  readonly conversation: string
  readonly messages: readonly Message[]
  readonly settings: Settings
  readonly body: Record<string, unknown>
  state = $state<RunState>('asking')
  /** How many wait before it. */
  queued = $state(0)
  progress = $state.raw<PromptProgress>()
  error = $state.raw<ServerError>()
  /** Whether the connection is lost, and sought again. */
  isReconnecting = $state(false)
  /** Counts up whenever there is something new to show, at most once a frame. */
  version = $state(0)
  #shown = $state.raw({ record: this.record })
  #id: string | undefined
  readonly #abort = new AbortController()
  #hasConnected = false
  #frame: number | undefined
  #askedAt = 0

  /** @param conversation of a run that was begun before */
  constructor(messages: readonly Message[], settings: Settings, conversation = newConversation()) {
    this.messages = messages
    this.settings = settings
    this.conversation = conversation
    this.body = bodyOf(messages, settings, { withEvents: true })
  }

  /** A run that was saved. */
  static opened({ request, events, answer, result }: RunFile, settings: Settings): LiveRun {
    const opened = new LiveRun([], settings)
    Object.assign(opened.body, request.body)
    for (const [at, event] of events) opened.record.push(event, at)
    opened.record.answer = answer
    opened.record.end = result ?? undefined
    opened.state = result ? 'done' : 'stopped'
    return opened
  }

  /** The record, for what is to be shown anew whenever there is something new. */
  get live(): RunRecord {
    return this.#shown.record
  }

  get isRunning(): boolean {
    return !['done', 'stopped', 'failed'].includes(this.state)
  }

  /**
   * To its end, whatever that is: nothing is thrown.
   * @param isBegun whether it was begun before, and is only read again
   */
  async start({ isBegun = false } = {}): Promise<void> {
    this.#askedAt = performance.now()
    this.state = 'asking'
    this.error = undefined
    const { record, conversation } = this
    try {
      record.end = await run(
        { conversation, body: isBegun ? undefined : this.body },
        {
          onId: (id) => (this.#id = id),
          onEvent: (event) => this.#receive(event),
          onProgress: (progress) => (this.progress = progress),
          onAnswer: (text) => {
            record.answer += text
            this.#touch()
          },
          onConnected: (isConnected) => this.#connected(isConnected),
        },
        this.#abort.signal,
      )
      if (!this.#isStopped) this.state = 'done'
    } catch (error) {
      if (!this.#isStopped) {
        this.error =
          error instanceof ServerError ? error : new ServerError(String(error), { status: 0, code: 'unknown' })
        this.state = 'failed'
      }
    }
    this.isReconnecting = false
    this.#touch()
  }

  /** Here at once, and at the server as soon as it can be reached. */
  stop(): void {
    if (this.state === 'done' || this.state === 'stopped') return
    this.state = 'stopped'
    this.error = undefined
    this.isReconnecting = false
    this.#touch()
    addStopped(this.conversation)
    // A request that is on its way could begin after its end: its answer is waited for.
    if (this.#hasConnected) this.#abort.abort()
    void endStopped()
  }

  /** It is not looked at any more. */
  forget(): void {
    this.stop()
    if (this.state === 'done' && this.#hasConnected) void cancelStream(this.conversation)
  }

  /** The page is left, or loaded anew. */
  leave(): void {
    if (this.isRunning) void cancelStream(this.conversation, reloadSeconds)
  }

  /** Lets it answer now. */
  async answerNow(): Promise<void> {
    if (this.#id === undefined || this.state !== 'thinking') return
    // Without a connection the page says so already.
    await endThinking(this.#id).catch(() => undefined)
  }

  get #isStopped(): boolean {
    return this.state === 'stopped'
  }

  #connected(isConnected: boolean): void {
    this.#hasConnected = true
    if (this.#isStopped) {
      this.#abort.abort()
      addStopped(this.conversation)
      void endStopped()
    } else this.isReconnecting = !isConnected
  }

  #receive(event: RunEvent): void {
    this.record.push(event, performance.now() - this.#askedAt)
    if (event.type === 'queued') {
      this.queued = event.position
      this.state = 'queued'
    } else if (event.type === 'start') this.state = 'prompt'
    else if (event.type === 'token' && event.phase !== 'tag') this.state = event.phase
    this.#touch()
  }

  #touch(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      this.version++
      this.#shown = { record: this.record }
    })
  }
}

/** Tells the server of the runs that were stopped, as often as it takes. */
export async function endStopped(): Promise<void> {
  for (const conversation of new Set(stoppedStreams())) {
    if (await cancelStream(conversation)) removeStopped(conversation)
  }
}

/** Browsers have `randomUUID` on loopback and over TLS only. */
function newConversation(): string {
  return `page-${[...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
