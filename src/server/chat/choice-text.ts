/** The text of one choice as its client gets it: thinking and answer apart and trimmed, or all of it in one, with the tags. */
import type { GenerateEvent } from '../../engine/types.ts'
import type { ThinkingTags } from '../../llama/index.ts'
import { TrimmedText } from '../trimmed-text.ts'
import type { ReadRequest } from './request.ts'

export interface TextDelta {
  readonly thinking: string
  readonly content: string
}
const nothing: TextDelta = { thinking: '', content: '' }

export class ChoiceText {
  readonly #thinkingTo: ReadRequest['thinkingTo']
  readonly #tags: Pick<ThinkingTags, 'open' | 'close'>
  readonly #thinking = new TrimmedText()
  readonly #answer = new TrimmedText()
  #phase: 'thinking' | 'answer' | undefined
  #hasToken = false
  #thought = ''
  #content = ''

  constructor(thinkingTo: ReadRequest['thinkingTo'], tags: Pick<ThinkingTags, 'open' | 'close'>) {
    this.#thinkingTo = thinkingTo
    this.#tags = tags
  }

  get thinking(): string {
    return this.#thought
  }

  get content(): string {
    return this.#content
  }

  /** What can be passed on with this event; both may be empty. */
  push(event: GenerateEvent): TextDelta {
    const delta = this.#of(event)
    this.#thought += delta.thinking
    this.#content += delta.content
    return delta
  }

  #of(event: GenerateEvent): TextDelta {
    if (event.type === 'phase') return this.#enter(event.phase)
    if (event.type !== 'token') return nothing
    this.#hasToken ||= event.token !== null
    const { phase, text } = event
    if (this.#thinkingTo === 'content') return { thinking: '', content: text }
    if (phase === 'answer') return { thinking: '', content: this.#answer.push(text) }
    const thinking = this.#thinking.push(text)
    return this.#thinkingTo === 'field' ? { thinking, content: '' } : nothing
  }

  #enter(phase: 'thinking' | 'answer'): TextDelta {
    const before = this.#phase
    this.#phase = phase
    if (this.#thinkingTo !== 'content' || phase === before) return nothing
    // Before the first token, it was the prompt that opened the thinking.
    const opened = phase === 'thinking' && this.#hasToken ? this.#tags.open : ''
    return { thinking: '', content: before === 'thinking' ? this.#tags.close : opened }
  }
}
