/**
 * The text of one choice as its client gets it: thinking and answer apart and trimmed, or all of it in one, with the tags; and the functions that
 * the answer calls.
 */
import type { GenerateEvent } from '../../engine/types.ts'
import type { ThinkingTags } from '../../llama/index.ts'
import { TrimmedText } from '../trimmed-text.ts'
import { newId } from './report.ts'
import type { ReadRequest } from './request.ts'
import type { ParsedCall } from './tools/call-reader.ts'
import { ToolCallParser, type ParsedAnswer } from './tools/tool-call-parser.ts'

/** A call as its client gets it, with its place in the choice. */
export interface ChoiceCall extends ParsedCall {
  readonly index: number
  readonly id: string
}

export interface TextDelta {
  readonly thinking: string
  readonly content: string
  readonly calls: readonly ChoiceCall[]
}
export const noText: TextDelta = { thinking: '', content: '', calls: [] }

/** What of a request says how its text is told. */
export type TextSettings = Pick<ReadRequest, 'thinkingTo' | 'toolCalls' | 'goesOn'>

export class ChoiceText {
  readonly #thinkingTo: ReadRequest['thinkingTo']
  readonly #tags: Pick<ThinkingTags, 'open' | 'close'>
  readonly #thinking: TrimmedText
  readonly #answer: TrimmedText
  #phase: 'thinking' | 'answer' | undefined
  #hasToken = false
  #thought = ''
  #content = ''
  readonly #parser: ToolCallParser | undefined
  readonly #calls: ChoiceCall[] = []

  constructor({ thinkingTo, toolCalls, goesOn }: TextSettings, tags: Pick<ThinkingTags, 'open' | 'close'>) {
    this.#thinking = new TrimmedText({ goesOn: goesOn === 'thinking' })
    this.#answer = new TrimmedText({ goesOn: goesOn === 'answer' })
    this.#thinkingTo = thinkingTo
    this.#tags = tags
    this.#parser = toolCalls && new ToolCallParser(toolCalls)
  }

  get thinking(): string {
    return this.#thought
  }

  get content(): string {
    return this.#content
  }

  get calls(): readonly ChoiceCall[] {
    return this.#calls
  }

  /** What can be passed on with this event; all of it may be empty. */
  push(event: GenerateEvent): TextDelta {
    const delta = this.#of(event)
    this.#thought += delta.thinking
    this.#content += delta.content
    return delta
  }

  #of(event: GenerateEvent): TextDelta {
    if (event.type === 'phase') return this.#enter(event.phase)
    if (event.type === 'finish' && this.#parser)
      return this.#told(this.#parser.finish(event.result.finishReason !== 'stop'))
    if (event.type !== 'token') return noText
    this.#hasToken ||= event.token !== null
    const { phase, text } = event
    if (phase === 'answer') return this.#told(this.#parser?.push(text) ?? { content: text, calls: [] })
    if (this.#thinkingTo === 'content') return { ...noText, content: text }
    const thinking = this.#thinking.push(text)
    return this.#thinkingTo === 'field' ? { ...noText, thinking } : noText
  }

  /** Of an answer. */
  #told({ content, calls }: ParsedAnswer): TextDelta {
    const told = calls.map((call, i) => ({ ...call, index: this.#calls.length + i, id: newId('call_') }))
    this.#calls.push(...told)
    return { ...noText, content: this.#thinkingTo === 'content' ? content : this.#answer.push(content), calls: told }
  }

  #enter(phase: 'thinking' | 'answer'): TextDelta {
    const before = this.#phase
    this.#phase = phase
    if (this.#thinkingTo !== 'content' || phase === before) return noText
    // Before the first token, it was the prompt that opened the thinking.
    const opened = phase === 'thinking' && this.#hasToken ? this.#tags.open : ''
    return { ...noText, content: before === 'thinking' ? this.#tags.close : opened }
  }
}
