/** What the page is about: the server, the conversation, and what is looked at. */
import {
  checkRequest,
  health,
  serverFacts,
  ServerError,
  type Health,
  type PolicyFacts,
  type ServerFacts,
} from './api.ts'
import { LiveRun } from './live-run.svelte.ts'
import type { RunFile } from './protocol.ts'
import { View } from './run-record.ts'
import { bodyOf, loadSettings, noSettings, saveSettings, type Message, type Settings } from './settings.ts'

/** A question, its run, and another run of it that it is compared with. */
export interface Turn {
  readonly question: string
  readonly messages: readonly Message[]
  readonly run: LiveRun
  readonly compared: LiveRun | undefined
}

const pollMs = 1000

export class Session {
  server = $state.raw<ServerFacts>()
  health = $state.raw<Health>({ status: 'loading' })
  needsKey = $state(false)
  settings = $state.raw<Settings>(loadSettings())
  turns = $state.raw<readonly Turn[]>([])
  /** Of a file that was opened: its name. */
  opened = $state<string>()
  problem = $state<string>()
  /** What is wrong with the settings, in the server's words. */
  refusal = $state.raw<ServerError>()
  /** The step that is looked at; undefined: the newest. */
  step = $state<number>()
  /** A position that is to be shown in the text. */
  revealed = $state.raw<{ readonly position: number }>()
  /** Seconds until a question that found the queue full is asked again. */
  retryIn = $state(0)
  #checking: AbortController | undefined

  get current(): Turn | undefined {
    return this.turns.at(-1)
  }

  get isRunning(): boolean {
    return this.current?.run.isRunning === true || this.current?.compared?.isRunning === true
  }

  /** Looks after the server until the page is left. */
  async watch(): Promise<never> {
    for (;;) {
      this.health = await health()
      if (this.health.status === 'ok' && !this.server && !this.needsKey) await this.connect()
      await new Promise((resolve) => setTimeout(resolve, this.health.status === 'ok' ? 5 * pollMs : pollMs))
    }
  }

  async connect(): Promise<void> {
    try {
      this.server = await serverFacts()
      this.needsKey = false
    } catch (error) {
      if (error instanceof ServerError && error.status === 401) this.needsKey = true
    }
  }

  policyOf(run: LiveRun): PolicyFacts | undefined {
    const name = run.record.start?.policy ?? run.settings.policy ?? this.server?.dynts.policy
    const [plain] = (name ?? '').split('+')
    return this.server?.dynts.policies.find((policy) => policy.name === plain)
  }

  /** A run at the step that is looked at. */
  viewOf(run: LiveRun): View {
    const count = run.record.tokens.length
    const name = run.record.start?.policy ?? ''
    const isProtected = this.policyOf(run)?.protects_question ?? true
    return new View(run.record, Math.min(this.step ?? count, count), isProtected || name.includes('+question'))
  }

  set(changed: Partial<Settings>): void {
    this.settings = { ...this.settings, ...changed }
    saveSettings(this.settings)
  }

  reset(): void {
    this.set(noSettings)
  }

  /** Asks the server whether these settings can work, and keeps what it says. */
  async check(question: string): Promise<void> {
    this.#checking?.abort()
    const { signal } = (this.#checking = new AbortController())
    await new Promise((resolve) => setTimeout(resolve, 250))
    if (signal.aborted || this.health.status !== 'ok' || !this.server) return
    try {
      const content = question.trim() === '' ? '?' : question
      await checkRequest(
        bodyOf([...this.#earlier(), { role: 'user', content }], this.settings, { withEvents: false }),
        signal,
      )
      this.refusal = undefined
    } catch (error) {
      if (error instanceof ServerError && error.status === 400) this.refusal = error
    }
  }

  async ask(question: string): Promise<void> {
    const messages: Message[] = [...this.#earlier(), { role: 'user', content: question }]
    const seed = this.settings.seed ?? drawnSeed()
    const run = new LiveRun(messages, { ...this.settings, seed })
    if (this.opened !== undefined) this.clear()
    this.turns = [...this.turns, { question, messages, run, compared: undefined }]
    this.step = undefined
    await this.#start(run)
  }

  /** The same question and seed under other settings, beside the run that was. */
  async compare(changed: Partial<Settings>): Promise<void> {
    const turn = this.current
    if (!turn || this.isRunning) return
    const compared = new LiveRun(turn.messages, { ...turn.run.settings, ...changed })
    this.turns = [...this.turns.slice(0, -1), { ...turn, compared }]
    this.step = undefined
    await this.#start(compared)
  }

  stop(): void {
    this.current?.run.stop()
    this.current?.compared?.stop()
  }

  /** A new conversation. */
  clear(): void {
    this.stop()
    this.turns = []
    this.opened = undefined
    this.step = undefined
    this.problem = undefined
  }

  show(name: string, file: RunFile): void {
    const run = LiveRun.opened(file, noSettings)
    this.clear()
    this.opened = name
    this.turns = [{ question: file.request.question, messages: [], run, compared: undefined }]
  }

  /** Waits for the server, and asks again when the queue was full. */
  async #start(run: LiveRun): Promise<void> {
    while (this.health.status !== 'ok') await new Promise((resolve) => setTimeout(resolve, pollMs / 4))
    for (let attempt = 0; attempt < 5; attempt++) {
      await run.start()
      const { error } = run
      if (error?.status === 401) this.needsKey = true
      if (error?.status !== 429) return
      for (this.retryIn = error.retryAfter ?? 1; this.retryIn > 0; this.retryIn--) {
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    }
  }

  #earlier(): Message[] {
    if (this.opened !== undefined) return []
    return this.turns.flatMap(({ question, run }): Message[] => {
      const { answer, tokens } = run.record
      const thinking = tokens
        .flatMap(({ phase, text }) => (phase === 'thinking' ? [text] : []))
        .join('')
        .trim()
      const content = answer.trim()
      if (content === '') return []
      return [
        { role: 'user', content: question },
        { role: 'assistant', content, ...(thinking === '' ? {} : { reasoning_content: thinking }) },
      ]
    })
  }
}

function drawnSeed(): number {
  return Math.floor(Math.random() * 100_000)
}

/** A run as a file. */
export function runFile({ question, run }: Turn, server: ServerFacts | undefined): RunFile {
  return {
    schema: 'dynts-run/1',
    created: new Date().toISOString(),
    server: { version: server?.build_info ?? 'unknown' },
    model: { name: server?.model_alias ?? 'unknown' },
    request: { question, body: run.body },
    events: run.record.events,
    answer: run.record.answer,
    end: run.record.end ?? null,
  }
}
