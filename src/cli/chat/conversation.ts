/** A conversation: what was said, the settings of what comes next, and the engine that answers. */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import type { Generation } from '../../engine/generation.ts'
import type { PlanReply } from '../../engine/protocol.ts'
import type { GenerateRequest, GenerateResult } from '../../engine/types.ts'
import type { ChatMessage } from '../../llama/index.ts'
import type { ChosenPolicy } from '../options/chosen-policies.ts'
import { engineOptionsOf, requestOf, type RunFlags } from '../run/run-options.ts'

/** A question and what came of it. */
export interface ChatTurn {
  readonly question: string
  readonly result: GenerateResult
}

/** What can be changed between two questions. */
export interface ChatSettings {
  /** Undefined: the model's default. */
  readonly policy: ChosenPolicy | undefined
  readonly budget: number | undefined
}

export class Conversation implements AsyncDisposable {
  settings: ChatSettings
  readonly #model: Model
  readonly #flags: RunFlags
  #turns: readonly ChatTurn[] = []
  #engine: Engine | undefined
  #engineReadsAttention = false
  /** Counts on, so that the same question gets another answer. */
  #asked = 0

  constructor(model: Model, flags: RunFlags, settings: ChatSettings) {
    this.#model = model
    this.#flags = flags
    this.settings = settings
  }

  get turns(): readonly ChatTurn[] {
    return this.#turns
  }

  get messages(): ChatMessage[] {
    const { system } = this.#flags
    return [
      ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
      // A turn that was stopped before its answer is none: templates expect one.
      ...this.#turns
        .filter(({ result }) => result.answer !== '')
        .flatMap(({ question, result }): ChatMessage[] => [
          { role: 'user', content: question },
          { role: 'assistant', content: result.answer, reasoning_content: result.thinking },
        ]),
    ]
  }

  /** Begins anew. */
  clear(): void {
    this.#turns = []
  }

  /** Takes the last turn back. */
  takeBack(): ChatTurn | undefined {
    const last = this.#turns.at(-1)
    this.#turns = this.#turns.slice(0, -1)
    return last
  }

  /**
   * Begins to answer; cells of what was said before are reused. What came of it is to be given to `keep`.
   * @throws InputError as `Engine.generate`, and nothing has changed then
   */
  async ask(question: string, settings = this.settings): Promise<Generation> {
    const request = this.#requestOf(question, settings)
    const { cells, attention } = await this.#model.plan(request)
    const engine = await this.#engineFor(cells, attention)
    this.#asked++
    return engine.generate(request)
  }

  /** How a question would be answered under these settings. @throws InputError if it could not */
  async check(settings: ChatSettings): Promise<PlanReply> {
    return await this.#model.plan(this.#requestOf('?', settings))
  }

  /** Has an effect from the next question on. @throws InputError, and nothing has changed then */
  async change(settings: ChatSettings): Promise<PlanReply> {
    const plan = await this.check(settings)
    this.settings = settings
    return plan
  }

  keep(turn: ChatTurn): void {
    this.#turns = [...this.#turns, turn]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.close()
  }

  #requestOf(question: string, { policy, budget }: ChatSettings): GenerateRequest {
    const request = requestOf(this.#flags, question, policy, this.#asked)
    const messages = [...this.messages, { role: 'user' as const, content: question }]
    return { ...request, prompt: { messages, enableThinking: this.#flags.thinking }, budget, promptReuse: 'prefix' }
  }

  /** One that is large enough; a smaller one, or one that reads no attention where that is needed, is replaced. */
  async #engineFor(cells: number, attention: boolean): Promise<Engine> {
    if (this.#engine && this.#engine.cells >= cells && (!attention || this.#engineReadsAttention)) return this.#engine
    await this.#engine?.close()
    this.#engine = undefined
    const options = { cells, sequences: 1, attention, ...engineOptionsOf(this.#flags) }
    this.#engine = await Engine.create(this.#model, options)
    this.#engineReadsAttention = attention
    return this.#engine
  }
}
