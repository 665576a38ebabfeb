/** What the page is about: the server, the conversation, and what is looked at. */
import { checkRequest, health, serverFacts, ServerError, type Health, type ServerFacts } from './api.ts'
import { endStopped, LiveRun } from './live-run.svelte.ts'
import { looksOf, type Looks } from './looks.ts'
import type { RunFile } from './protocol.ts'
import { View } from './run-record.ts'
import { bodyOf, loadSettings, noSettings, saveSettings, type Message, type Settings } from './settings.ts'
import { panelIsSheet } from './sheet.ts'
import { saveTurn, storedTurn, type StoredRun } from './stored-turn.ts'

/** A question, its run, and another run of it that it is compared with. */
export interface Turn {
  readonly question: string
  readonly messages: readonly Message[]
  readonly run: LiveRun
  readonly compared: LiveRun | undefined
}

/** A turn that was, as it is shown above the one that is looked at. */
export interface EarlierTurn {
  readonly question: string
  readonly thinking: string
  readonly answer: string
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
  /** Tokens of the prompt that would be asked now, as the server counted them last. */
  promptTokens = $state(0)
  /** The step that is looked at; undefined: the newest. */
  step = $state<number>()
  /** A position that is to be shown in the text. */
  revealed = $state.raw<{ readonly position: number }>()
  isPanelOpen = $state(!panelIsSheet())
  /** Seconds until a question that found the queue full is asked again. */
  retryIn = $state(0)
  #checking: AbortController | undefined
  #isRestored = false

  get current(): Turn | undefined {
    return this.turns.at(-1)
  }

  get isRunning(): boolean {
    return this.retryIn > 0 || this.current?.run.isRunning === true || this.current?.compared?.isRunning === true
  }

  /** Looks after the server until the page is left. */
  async watch(): Promise<never> {
    for (;;) {
      this.health = await health()
      if (this.health.status === 'ok' && !this.server && !this.needsKey) await this.connect()
      if (this.health.status === 'ok') await endStopped()
      await new Promise((resolve) => setTimeout(resolve, this.health.status === 'ok' ? 5 * pollMs : pollMs))
    }
  }

  async connect(): Promise<void> {
    try {
      this.server = await serverFacts()
      this.needsKey = false
      void this.#restore()
    } catch (error) {
      if (error instanceof ServerError && error.status === 401) this.needsKey = true
    }
  }

  /** What the looks of tokens mean, of a run or of the one that would be asked for now. */
  looksOf(run?: LiveRun): Looks {
    const wanted = run ? run.settings.policy : this.settings.policy
    const reference = run?.record.start?.policy ?? wanted ?? this.server?.dynts.policy ?? ''
    const [name] = reference.split('+')
    const policy = this.server?.dynts.policies.find((one) => one.name === name)
    return looksOf(policy, reference, run?.record)
  }

  /** A run at the step that is looked at. */
  viewOf(run: LiveRun): View {
    const count = run.record.tokens.length
    return new View(run.record, Math.min(this.step ?? count, count), this.looksOf(run).protectsQuestion)
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
      this.promptTokens = await checkRequest(
        bodyOf([...this.#earlier(), { role: 'user', content }], this.settings, { withEvents: false }),
        signal,
      )
      this.refusal = undefined
    } catch (error) {
      if (!(error instanceof ServerError) || error.status !== 400) return
      this.refusal = error
      this.promptTokens = error.promptTokens ?? this.promptTokens
    }
  }

  async ask(question: string): Promise<void> {
    if (this.opened !== undefined) this.clear()
    const messages: Message[] = [...this.#earlier(), { role: 'user', content: question }]
    const seed = this.settings.seed ?? drawnSeed()
    const run = new LiveRun(messages, { ...this.settings, seed })
    this.#forget(this.current)
    this.turns = [...this.turns, { question, messages, run, compared: undefined }]
    this.step = undefined
    await this.#start('run')
  }

  /** The same question and seed under other settings, beside the run that was. */
  async compare(changed: Partial<Settings>): Promise<void> {
    const turn = this.current
    if (!turn || this.isRunning) return
    turn.compared?.forget()
    const compared = new LiveRun(turn.messages, { ...turn.run.settings, ...changed })
    this.#replace({ ...turn, compared })
    this.step = undefined
    await this.#start('compared')
  }

  stop(): void {
    this.retryIn = 0
    this.current?.run.stop()
    this.current?.compared?.stop()
    this.#save()
  }

  /** The page is left: what runs may end soon, unless this is a reload. */
  leave(): void {
    this.current?.run.leave()
    this.current?.compared?.leave()
  }

  /** What is shown above the turn that is looked at. */
  get earlier(): readonly EarlierTurn[] {
    const before = this.#before()
    return [
      ...before.flatMap(({ role, content: question }, i) => {
        const { content: answer = '', reasoning_content: thinking = '' } = before[i + 1] ?? {}
        return role === 'user' ? [{ question, thinking, answer }] : []
      }),
      ...this.turns.slice(0, -1).map((turn) => ({ question: turn.question, ...textsOf(turn.run) })),
    ]
  }

  /** A new conversation. */
  clear(): void {
    this.stop()
    this.#forget(this.current)
    this.turns = []
    saveTurn(undefined)
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

  /** What was looked at before the page was loaded anew. */
  async #restore(): Promise<void> {
    const stored = this.#isRestored || this.current ? undefined : storedTurn()
    this.#isRestored = true
    if (!stored) return
    const { question, messages, run, compared } = stored
    const again = ({ settings, conversation }: StoredRun) => new LiveRun(messages, settings, conversation)
    const turn = { question, messages, run: again(run), compared: compared && again(compared) }
    this.turns = [turn]
    await Promise.all([turn.run.start({ isBegun: true }), turn.compared?.start({ isBegun: true })])
    if (turn.run.error?.status !== 404 || this.current !== turn) return
    this.clear()
    this.problem = 'What was asked before the page was loaded anew is not kept any more.'
  }

  /** Waits for the server; asks again when the queue was full, and once if the engine ended over it. */
  async #start(which: 'run' | 'compared'): Promise<void> {
    while (this.health.status !== 'ok') await new Promise((resolve) => setTimeout(resolve, pollMs / 4))
    let hasDied = false
    let turn = this.current
    for (let attempt = 0; attempt < 5; attempt++) {
      const run = turn?.[which]
      if (!turn || !run || this.current !== turn || run.state === 'stopped') return
      this.#save()
      await run.start()
      const { error } = run
      if (error?.status === 401) this.needsKey = true
      if (this.current !== turn) return
      if (error?.code === 'engine_died' && !hasDied) {
        hasDied = true
        turn = this.#replace({ ...turn, [which]: new LiveRun(turn.messages, run.settings) })
      } else if (error?.status !== 429) return
      for (this.retryIn = error.retryAfter ?? 1; this.retryIn > 0; this.retryIn--) {
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    }
  }

  #replace(turn: Turn): Turn {
    this.turns = [...this.turns.slice(0, -1), turn]
    return turn
  }

  #forget(turn: Turn | undefined): void {
    turn?.run.forget()
    turn?.compared?.forget()
  }

  /** For a reload, which goes on with what runs, and shows what has ended as long as the server keeps it. */
  #save(): void {
    const { current } = this
    if (!current || this.opened !== undefined || current.run.state === 'stopped') {
      saveTurn(undefined)
      return
    }
    const { question, messages, run, compared } = current
    const stored = (one: LiveRun): StoredRun => ({ conversation: one.conversation, settings: one.settings })
    const isShown = compared !== undefined && compared.state !== 'stopped'
    saveTurn({ question, messages, run: stored(run), compared: isShown ? stored(compared) : undefined })
  }

  /** The conversation before a reload. */
  #before(): readonly Message[] {
    return this.turns[0]?.messages.slice(0, -1) ?? []
  }

  #earlier(): Message[] {
    return this.opened === undefined ? [...this.#before(), ...this.turns.flatMap(messagesOf)] : []
  }
}

/** What a turn adds to the conversation; nothing if it has no answer. */
function messagesOf({ question, run }: Turn): Message[] {
  const { thinking, answer: content } = textsOf(run)
  if (content === '') return []
  return [
    { role: 'user', content: question },
    { role: 'assistant', content, ...(thinking === '' ? {} : { reasoning_content: thinking }) },
  ]
}

function textsOf({ record: { answer, tokens } }: LiveRun): { thinking: string; answer: string } {
  const thinking = tokens.flatMap(({ phase, text }) => (phase === 'thinking' ? [text] : []))
  return { thinking: thinking.join('').trim(), answer: answer.trim() }
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
    result: run.record.end ?? null,
  }
}
