/** Answers in OpenAI's form, whole and in pieces: of a chat, and of a text that goes on. */
import type { GenerateEvent, GenerateResult, PromptEvent } from '../../engine/types.ts'
import type { ThinkingTags } from '../../llama/index.ts'
import type { Job } from '../job.ts'
import { ChoiceLogprobs, chatLogprobs, textLogprobs, type LogprobDelta, type TextLogprobs } from './choice-logprobs.ts'
import { ChoiceText, noText, type ChoiceCall, type TextDelta } from './choice-text.ts'
import { ChoiceEvents, mostPromptTokens } from './event-chunks.ts'
import { joinLogprobs, PromptEcho } from './prompt-echo.ts'
import { cachesOf, timingsOf, usageOf, type Finished } from './report.ts'
import type { ReadRequest } from './request.ts'

export type ReasoningField = 'reasoning_content' | 'reasoning' | 'both'

/** What all answers of a server have in common. */
export interface AnswerSettings {
  readonly model: string
  readonly fingerprint: string
  readonly tags: Pick<ThinkingTags, 'open' | 'close'>
  readonly reasoningField: ReasoningField
}

export interface AnswerHead {
  readonly id: string
  /** Seconds since 1970. */
  readonly created: number
}

type Fields = Readonly<Record<string, unknown>>

/** How one kind of completion has its text. */
export interface AnswerForm {
  readonly objects: { readonly whole: string; readonly chunk: string }
  /** What of a choice is said before anything has happened; nothing for some. */
  readonly opening: Fields | undefined
  /** The fields of a choice in a chunk. */
  readonly piece: (delta: TextDelta, reasoning: (text: string) => Fields) => Fields
  /** The same in the chunks that follow, where not all goes into one. */
  readonly further?: (delta: TextDelta) => Fields[]
  /** Log-probabilities; `offset`: characters of the text before. */
  readonly logprobs: (delta: LogprobDelta, offset: number) => object
  /** Whether those of tags and end tokens are told, where the thinking is not told apart. */
  readonly everyToken: boolean
  /** The fields of a choice in a whole answer. */
  readonly whole: (text: TextDelta, reasoning: (text: string) => Fields) => Fields
}

export const chatForm: AnswerForm = {
  objects: { whole: 'chat.completion', chunk: 'chat.completion.chunk' },
  opening: { delta: { role: 'assistant', content: null } },
  logprobs: chatLogprobs,
  everyToken: false,
  piece: ({ thinking, content, calls }, reasoning) => ({
    delta: {
      ...(thinking === '' ? {} : reasoning(thinking)),
      ...(content === '' ? {} : { content }),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map(beginning) }),
    },
  }),
  further: ({ calls }) =>
    calls.map(({ index, arguments: given }) => ({
      delta: { tool_calls: [{ index, function: { arguments: given } }] },
    })),
  whole: ({ thinking, content, calls }, reasoning) => ({
    message: {
      role: 'assistant',
      content: content === '' && calls.length > 0 ? null : content,
      ...(thinking === '' ? {} : reasoning(thinking)),
      ...(calls.length === 0 ? {} : { tool_calls: calls.map(toolCall) }),
      refusal: null,
    },
  }),
}

export const textForm: AnswerForm = {
  objects: { whole: 'text_completion', chunk: 'text_completion' },
  opening: undefined,
  logprobs: textLogprobs,
  everyToken: true,
  piece: ({ thinking, content }, reasoning) => ({ text: content, ...(thinking === '' ? {} : reasoning(thinking)) }),
  whole: ({ thinking, content }, reasoning) => ({ text: content, ...(thinking === '' ? {} : reasoning(thinking)) }),
}

function toolCall({ id, name, arguments: given }: ChoiceCall) {
  return { id, type: 'function', function: { name, arguments: given } }
}

/** A call before its arguments. */
function beginning(call: ChoiceCall) {
  return { index: call.index, ...toolCall({ ...call, arguments: '' }) }
}

const noLogprobs: LogprobDelta = { content: [], reasoning: [] }

/** Takes the events of a request's choices, and makes its answer of them. */
export class CompletionAnswer {
  readonly #form: AnswerForm
  readonly #settings: AnswerSettings
  readonly #request: ReadRequest
  readonly #head: Fields
  readonly #texts: ChoiceText[]
  readonly #logprobs: ChoiceLogprobs[]
  readonly #events: ChoiceEvents[]
  /** None, unless they are asked for. */
  readonly #echoes: PromptEcho[]

  constructor(form: AnswerForm, settings: AnswerSettings, request: ReadRequest, { id, created }: AnswerHead) {
    this.#form = form
    this.#settings = settings
    this.#request = request
    this.#head = { id, created, model: settings.model, system_fingerprint: settings.fingerprint }
    const count = request.generations.length * request.choices
    this.#texts = Array.from({ length: count }, () => this.#newText())
    this.#logprobs = Array.from({ length: count }, () => this.#newLogprobs())
    this.#events = Array.from({ length: count }, (_, choice) => this.#newEvents(choice))
    this.#echoes = request.echoes ? Array.from({ length: count }, (_, choice) => this.#newEcho(choice)) : []
  }

  /** What is sent at once of a stream, before anything has happened. */
  begin(): Fields[] {
    const { opening } = this.#form
    const { promptTokenIds: ids } = this.#request
    const told = ids ? { prompt_token_ids: ids } : {}
    const echoes = this.#echoes.map(({ text }) => this.#piece({ ...noText, content: text }))
    const beginnings = opening ? this.#texts.map(() => opening) : echoes
    if (beginnings.length === 0) return ids ? [this.#chunk([], told)] : []
    return beginnings.map((fields, choice) => this.#chunk([this.#choice(choice, fields)], choice === 0 ? told : {}))
  }

  /** Chunks of a stream; the whole answer is kept as well. */
  onEvent(choice: number, event: GenerateEvent, job: Job): Fields[] {
    if (event.type === 'prompt') return this.#onPrompt(choice, event)
    const text = this.#texts[choice]
    if (!text) return []
    const { withEvents, withTokenIds } = this.#request
    const offset = (this.#echoes[choice]?.text.length ?? 0) + text.content.length
    const delta = text.push(event)
    const logprobs = this.#logprobs[choice]?.push(event)
    const isToken = event.type === 'token'
    const ids = withTokenIds && isToken && event.token !== null ? { token_ids: [event.token] } : undefined
    const hasText = delta.thinking !== '' || delta.content !== '' || delta.calls.length > 0
    const fact = withEvents ? this.#events[choice]?.push(event, job) : undefined
    const told = fact ? { dynts: { ...fact, ...this.#numbered(choice) } } : undefined
    if (!hasText && !ids && !logprobs) return told ? [this.#chunk([], told)] : []
    const piece = this.#choice(choice, this.#piece(delta))
    const shown = { ...piece, ...(logprobs ? { logprobs: this.#form.logprobs(logprobs, offset) } : {}), ...ids }
    const further = this.#form.further?.(delta) ?? []
    return [this.#chunk([shown], told ?? {}), ...further.map((fields) => this.#chunk([this.#choice(choice, fields)]))]
  }

  #onPrompt(choice: number, event: PromptEvent): Fields[] {
    const progress = this.#request.withProgress ? [this.#chunk([], this.#progress(choice, event))] : []
    const echo = this.#hasLogprobs ? this.#echoes[choice] : undefined
    if (!echo || !event.odds) return progress
    const told = { ...this.#choice(choice, this.#piece(noText)), logprobs: echo.push(event.odds) }
    return [...progress, this.#chunk([told])]
  }

  /** While a choice waits: how many wait before it. */
  onQueued(choice: number, position: number): Fields[] {
    if (!this.#request.withEvents) return []
    return [this.#chunk([], { dynts: { type: 'queued', position, ...this.#numbered(choice) } })]
  }

  /** Forgets what a choice has said: it begins anew. */
  restart(choice: number): void {
    this.#texts[choice] = this.#newText()
    this.#logprobs[choice] = this.#newLogprobs()
    this.#events[choice] = this.#newEvents(choice)
    if (this.#request.echoes) this.#echoes[choice] = this.#newEcho(choice)
  }

  /** The last chunks of a stream. */
  end(finished: readonly Finished[]): Fields[] {
    const { includeUsage, choices } = this.#request
    const last = { timings: timingsOf(finished, choices), dynts: this.#cachesOf(finished) }
    const nothing = this.#piece(noText)
    const ends = finished.map(({ result }, choice) =>
      this.#choice(choice, nothing, this.#finishReasonOf(choice, result)),
    )
    const chunks = ends.map((end, i) => this.#chunk([end], includeUsage || i < ends.length - 1 ? {} : last))
    if (includeUsage) chunks.push(this.#chunk([], { usage: usageOf(finished, choices), ...last }))
    return chunks
  }

  /** The answer that is no stream. */
  whole(finished: readonly Finished[]): Fields {
    const { choices: each, withTokenIds } = this.#request
    const choices = finished.map(({ result }, index) => {
      const { thinking, content: generated, calls } = this.#texts[index] ?? noText
      const content = (this.#echoes[index]?.text ?? '') + generated
      const { promptTokens } = result.usage
      return {
        ...this.#choice(
          index,
          this.#form.whole({ thinking, content, calls }, this.#reasoning),
          this.#finishReasonOf(index, result),
        ),
        ...(this.#hasLogprobs ? { logprobs: this.#logprobsOf(index) } : {}),
        ...(withTokenIds ? { token_ids: result.tokens.slice(promptTokens) } : {}),
      }
    })
    const [first] = finished
    const promptIds =
      withTokenIds && first ? { prompt_token_ids: first.result.tokens.slice(0, first.result.usage.promptTokens) } : {}
    return {
      ...this.#head,
      object: this.#form.objects.whole,
      choices,
      usage: usageOf(finished, each),
      timings: timingsOf(finished, each),
      dynts: this.#cachesOf(finished),
      ...promptIds,
    }
  }

  #cachesOf(finished: readonly Finished[]): object {
    const { schemaNotEnforced: pointers } = this.#request
    return { ...cachesOf(finished), ...(pointers.length > 0 ? { schema_not_enforced: pointers } : {}) }
  }

  get #hasLogprobs(): boolean {
    return this.#request.generations.some(({ logprobs }) => logprobs !== undefined)
  }

  #logprobsOf(choice: number): object {
    const echo = this.#echoes[choice]
    const generated = this.#form.logprobs(this.#logprobs[choice] ?? noLogprobs, echo?.text.length ?? 0)
    return echo ? joinLogprobs([echo.logprobs, generated as TextLogprobs]) : generated
  }

  #piece(delta: TextDelta): Fields {
    return this.#form.piece(delta, this.#reasoning)
  }

  readonly #reasoning = (text: string): Fields => {
    const { reasoningField } = this.#settings
    return reasoningField === 'both' ? { reasoning_content: text, reasoning: text } : { [reasoningField]: text }
  }

  #newText(): ChoiceText {
    return new ChoiceText(this.#request, this.#settings.tags)
  }

  #newLogprobs(): ChoiceLogprobs {
    return new ChoiceLogprobs(this.#form.everyToken && this.#request.thinkingTo === 'content')
  }

  #newEcho(choice: number): PromptEcho {
    const { generations, prompts, choices } = this.#request
    const at = Math.floor(choice / choices)
    return new PromptEcho(generations[at]?.prompt ?? { text: '' }, prompts[at] ?? [])
  }

  #finishReasonOf(choice: number, { finishReason }: GenerateResult): 'stop' | 'length' | 'tool_calls' {
    if (finishReason === 'length') return 'length'
    return this.#texts[choice]?.calls.length ? 'tool_calls' : 'stop'
  }

  #newEvents(choice: number): ChoiceEvents {
    const { prompts, choices } = this.#request
    return new ChoiceEvents((prompts[Math.floor(choice / choices)] ?? []).slice(0, mostPromptTokens))
  }

  /** As llama-server tells it. */
  #progress(choice: number, { total, cached, processed, ms }: PromptEvent): Fields {
    const time_ms = Math.round(ms * 1000) / 1000
    return { prompt_progress: { total, cache: cached, processed, time_ms, ...this.#numbered(choice) } }
  }

  /** Of several choices an event says whose it is. */
  #numbered(choice: number): Fields {
    return this.#texts.length > 1 ? { choice } : {}
  }

  #choice(index: number, text: Fields, finishReason: string | null = null): Fields {
    return { index, ...text, logprobs: null, finish_reason: finishReason }
  }

  #chunk(choices: readonly Fields[], more: Fields = {}): Fields {
    const usage = this.#request.includeUsage ? { usage: null } : {}
    return { ...this.#head, object: this.#form.objects.chunk, choices, ...usage, ...more }
  }
}
