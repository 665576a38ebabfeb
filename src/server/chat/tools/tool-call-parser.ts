/**
 * Finds calls of functions in an answer that comes in pieces. A call is told once it is whole: until then it may turn out to be none, and
 * then it is text as it was written.
 */
import { overlap } from '../../../engine/text-overlap.ts'
import { toolTags, type ToolDefinition, type ToolFormat } from '../../../llama/index.ts'
import type { CallReader, ParsedCall } from './call-reader.ts'
import { HermesCall } from './hermes-call.ts'
import { Qwen3CoderCall } from './qwen3-coder-call.ts'

export interface ToolCallSettings {
  readonly format: ToolFormat
  readonly tools: readonly ToolDefinition[]
  /** The most calls that are told; what is beyond is left out. */
  readonly most: number
}

/** What became certain. */
export interface ParsedAnswer {
  /** What stands outside of calls. */
  readonly content: string
  readonly calls: readonly ParsedCall[]
}

export class ToolCallParser {
  readonly #settings: ToolCallSettings
  /** What is not told yet: it begins with the opening tag while there is a reader. */
  #held = ''
  #reader: CallReader | undefined
  #count = 0

  constructor(settings: ToolCallSettings) {
    this.#settings = settings
  }

  push(text: string): ParsedAnswer {
    let content = ''
    const calls: ParsedCall[] = []
    let unread = text
    this.#held += text
    for (;;) {
      if (!this.#reader) {
        const at = this.#held.indexOf(toolTags.open)
        const certain = at < 0 ? this.#held.length - overlap(this.#held, toolTags.open) : at
        content += this.#held.slice(0, certain)
        this.#held = this.#held.slice(certain)
        if (at < 0) return { content, calls }
        this.#reader = this.#newReader()
        unread = this.#held.slice(toolTags.open.length)
      }
      const reading = this.#reader.push(unread)
      if (reading === 'open') return { content, calls }
      this.#reader = undefined
      if (reading === 'broken') {
        content += toolTags.open
        this.#held = this.#held.slice(toolTags.open.length)
      } else {
        calls.push(...this.#counted(reading.call))
        this.#held = reading.rest
      }
    }
  }

  /** Once, at the end. @param isCut whether the model would have gone on: what has begun as a call is then neither call nor text */
  finish(isCut: boolean): ParsedAnswer {
    const call = isCut ? undefined : this.#reader?.finish()
    if (call) return { content: '', calls: this.#counted(call) }
    // A single character is more likely text: a "less than".
    const isHalf = isCut && (this.#reader !== undefined || this.#held.length > 1)
    return { content: isHalf ? '' : this.#held, calls: [] }
  }

  #counted(call: ParsedCall): ParsedCall[] {
    return ++this.#count > this.#settings.most ? [] : [call]
  }

  #newReader(): CallReader {
    const { format, tools } = this.#settings
    return format === 'hermes' ? new HermesCall() : new Qwen3CoderCall(tools)
  }
}
