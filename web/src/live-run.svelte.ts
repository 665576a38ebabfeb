/** One run, while it runs and after: its record, and where it stands. */
import { endThinking, run, ServerError } from './api.ts'
import type { RunEvent, RunFile } from './protocol.ts'
import { RunRecord } from './run-record.ts'
import { bodyOf, type Message, type Settings } from './settings.ts'

export type RunState = 'asking' | 'queued' | 'prompt' | 'thinking' | 'answer' | 'done' | 'stopped' | 'failed'

export class LiveRun {
  readonly record = new RunRecord()
  readonly settings: Settings
  readonly body: Record<string, unknown>
  state = $state<RunState>('asking')
  /** How many wait before it. */
  queued = $state(0)
  error = $state.raw<ServerError>()
  /** Counts up whenever there is something new to show, at most once a frame. */
  version = $state(0)
  #shown = $state.raw({ record: this.record })
  #id: string | undefined
  #abort = new AbortController()
  #frame: number | undefined
  #askedAt = 0

  constructor(messages: readonly Message[], settings: Settings) {
    this.settings = settings
    this.body = bodyOf(messages, settings, { withEvents: true })
  }

  /** A run that was saved. */
  static opened({ request, events, answer, end }: RunFile, settings: Settings): LiveRun {
    const opened = new LiveRun([], settings)
    Object.assign(opened.body, request.body)
    for (const [at, event] of events) opened.record.push(event, at)
    opened.record.answer = answer
    opened.record.end = end ?? undefined
    opened.state = end ? 'done' : 'stopped'
    return opened
  }

  /** The record, for what is to be shown anew whenever there is something new. */
  get live(): RunRecord {
    return this.#shown.record
  }

  get isRunning(): boolean {
    return !['done', 'stopped', 'failed'].includes(this.state)
  }

  /** To its end, whatever that is: nothing is thrown. */
  async start(): Promise<void> {
    this.#askedAt = performance.now()
    this.state = 'asking'
    this.error = undefined
    const { record } = this
    try {
      record.end = await run(
        this.body,
        {
          onId: (id) => (this.#id = id),
          onEvent: (event) => this.#receive(event),
          onAnswer: (text) => {
            record.answer += text
            this.#touch()
          },
        },
        this.#abort.signal,
      )
      this.state = 'done'
    } catch (error) {
      if (this.#abort.signal.aborted) this.state = 'stopped'
      else {
        this.error =
          error instanceof ServerError ? error : new ServerError(String(error), { status: 0, code: 'unknown' })
        this.state = 'failed'
      }
    }
    this.#touch()
  }

  stop(): void {
    this.#abort.abort()
  }

  /** Lets it answer now. */
  async answerNow(): Promise<void> {
    if (this.#id !== undefined && this.state === 'thinking') await endThinking(this.#id)
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
