/** Answers to chat requests in OpenAI's form: whole, and in pieces. */
import type { GenerateEvent } from '../../engine/types.ts'
import type { ThinkingTags } from '../../llama/index.ts'
import type { Job } from '../service.ts'
import { ChoiceText, finishReasonOf } from './choice-text.ts'
import { eventChunk, tokenFacts } from './event-chunks.ts'
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

type Chunk = Readonly<Record<string, unknown>>

/** Takes the events of a request's choices, and makes its answer of them. */
export interface Answer {
  /** What is sent at once of a stream, before anything has happened. */
  begin(): Chunk[]
  /** Chunks of a stream; the whole answer is kept as well. */
  onEvent(choice: number, event: GenerateEvent, job: Job): Chunk[]
  /** Forgets what a choice has said: it begins anew. */
  restart(choice: number): void
  /** The last chunks of a stream. */
  end(finished: readonly Finished[]): Chunk[]
  /** The answer that is no stream. */
  whole(finished: readonly Finished[]): Chunk
}

export class ChatAnswer implements Answer {
  readonly #settings: AnswerSettings
  readonly #request: ReadRequest
  readonly #head: Readonly<Record<string, unknown>>
  readonly #texts: ChoiceText[]

  constructor(settings: AnswerSettings, request: ReadRequest, { id, created }: AnswerHead) {
    this.#settings = settings
    this.#request = request
    this.#head = { id, created, model: settings.model, system_fingerprint: settings.fingerprint }
    this.#texts = Array.from({ length: request.choices }, () => this.#newText())
  }

  restart(choice: number): void {
    this.#texts[choice] = this.#newText()
  }

  #newText(): ChoiceText {
    return new ChoiceText(this.#request.thinkingTo, this.#settings.tags)
  }

  begin(): Chunk[] {
    return this.#texts.map((_, choice) => this.#chunk([this.#choice(choice, { role: 'assistant', content: null })]))
  }

  onEvent(choice: number, event: GenerateEvent, job: Job): Chunk[] {
    const text = this.#texts[choice]
    if (!text) return []
    const { thinking, content } = text.push(event)
    const { withEvents, withTokenIds } = this.#request
    const delta = thinking === '' ? { content } : this.#reasoning(thinking)
    const hasText = thinking !== '' || content !== ''
    const facts = withEvents && event.type === 'token' ? { dynts: tokenFacts(event) } : {}
    const ids = withTokenIds && event.type === 'token' && event.token !== null ? { token_ids: [event.token] } : {}
    if (event.type !== 'token') {
      const shown = hasText ? [this.#chunk([this.#choice(choice, delta)])] : []
      const told = withEvents ? eventChunk(event, job) : undefined
      return told ? [...shown, this.#chunk([], { dynts: told })] : shown
    }
    if (hasText || 'token_ids' in ids) {
      const shown = hasText ? delta : {}
      return [this.#chunk([{ ...this.#choice(choice, shown), ...ids }], facts)]
    }
    return withEvents ? [this.#chunk([], facts)] : []
  }

  end(finished: readonly Finished[]): Chunk[] {
    const last = { timings: timingsOf(finished), dynts: cachesOf(finished) }
    const ends = finished.map(({ result }, choice) => this.#choice(choice, {}, finishReasonOf(result)))
    const { includeUsage } = this.#request
    const chunks = ends.map((end, i) => this.#chunk([end], includeUsage || i < ends.length - 1 ? {} : last))
    if (includeUsage) chunks.push(this.#chunk([], { usage: usageOf(finished), ...last }))
    return chunks
  }

  whole(finished: readonly Finished[]): Chunk {
    const choices = finished.map(({ result }, index) => {
      const { thinking = '', content = '' } = this.#texts[index] ?? {}
      return {
        index,
        message: {
          role: 'assistant',
          content,
          ...(thinking === '' ? {} : this.#reasoning(thinking)),
          refusal: null,
        },
        logprobs: null,
        finish_reason: finishReasonOf(result),
        ...(this.#request.withTokenIds ? { token_ids: result.tokens.slice(result.usage.promptTokens) } : {}),
      }
    })
    const [first] = finished
    const promptIds =
      this.#request.withTokenIds && first
        ? { prompt_token_ids: first.result.tokens.slice(0, first.result.usage.promptTokens) }
        : {}
    return {
      ...this.#head,
      object: 'chat.completion',
      choices,
      usage: usageOf(finished),
      timings: timingsOf(finished),
      dynts: cachesOf(finished),
      ...promptIds,
    }
  }

  #reasoning(text: string): Readonly<Record<string, string>> {
    const { reasoningField } = this.#settings
    return reasoningField === 'both' ? { reasoning_content: text, reasoning: text } : { [reasoningField]: text }
  }

  #choice(index: number, delta: object, finishReason: string | null = null) {
    return { index, delta, logprobs: null, finish_reason: finishReason }
  }

  #chunk(choices: readonly object[], more: object = {}): Chunk {
    const usage = this.#request.includeUsage ? { usage: null } : {}
    return { ...this.#head, object: 'chat.completion.chunk', choices, ...usage, ...more }
  }
}
