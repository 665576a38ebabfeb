/** A call as JSON between tags: `<tool_call>{"name": "add", "arguments": {"a": 1}}</tool_call>`. */
import { isObject } from '../../../is-object.ts'
import { toolTags } from '../../../llama/index.ts'
import { parseJson } from '../../../records/read-records.ts'
import { tagAt, type CallReader, type CallReading, type ParsedCall } from './call-reader.ts'
import { JsonExtent } from './json-extent.ts'
import { memberText } from './member-text.ts'

export class HermesCall implements CallReader {
  readonly #extent = new JsonExtent()
  #text = ''
  #start: number | undefined
  #end: number | undefined
  #call: ParsedCall | undefined

  push(text: string): CallReading {
    const read = this.#text.length
    this.#text += text
    if (this.#start === undefined) {
      const first = this.#text.search(/\S/)
      if (first < 0) return 'open'
      if (this.#text.charAt(first) !== '{') return 'broken'
      this.#start = first
    }
    if (this.#end === undefined) {
      const from = Math.max(read, this.#start)
      // Of the piece, not of the whole text: that would be put together anew each time.
      const length = this.#extent.push(text.slice(from - read))
      if (typeof length !== 'number') return length
      this.#end = from + length
      this.#call = callOf(this.#text.slice(this.#start, this.#end))
    }
    const closing = tagAt(this.#text, this.#end, [toolTags.close])
    if (!this.#call || closing === undefined) return 'broken'
    return closing === 'open' ? 'open' : { call: this.#call, rest: this.#text.slice(closing.end) }
  }

  finish(): ParsedCall | undefined {
    return this.#call
  }
}

function callOf(json: string): ParsedCall | undefined {
  const given = parseJson(json) as { readonly name?: unknown; readonly arguments?: unknown } | undefined
  if (typeof given?.name !== 'string' || given.name === '') return undefined
  const { name, arguments: value = {} } = given
  if (isObject(value)) return { name, arguments: memberText(json, 'arguments') ?? '{}' }
  // Some write the object as a text.
  return typeof value === 'string' && isObject(parseJson(value)) ? { name, arguments: value } : undefined
}
