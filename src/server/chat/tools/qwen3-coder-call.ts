/**
 * A call whose arguments have a tag each, between tags: `<tool_call><function=add><parameter=a>1</parameter></function></tool_call>`. Its values
 * have no quotes: the function's schema says what they are.
 */
import { toolTags, typeOf, typesOf, type ToolDefinition } from '../../../llama/index.ts'
import { tagAt, type CallReader, type CallReading, type ParsedCall } from './call-reader.ts'

const functionOpen = '<function='
const functionClose = '</function>'
const parameterOpen = '<parameter='
const parameterClose = '</parameter>'
const longestName = 256

export class Qwen3CoderCall implements CallReader {
  readonly #tools: readonly ToolDefinition[]
  readonly #values = new Map<string, string>()
  #text = ''
  /** Up to where it is understood. */
  #at = 0
  #name: string | undefined
  #key: string | undefined
  /** Where the closing tag of the value is looked for. */
  #from = 0
  #isClosed = false

  /** @param tools for the types of arguments */
  constructor(tools: readonly ToolDefinition[]) {
    this.#tools = tools
  }

  push(text: string): CallReading {
    this.#text += text
    // A value ends with a tag; to look for one means to put the text together.
    if (this.#key !== undefined && !text.includes('>')) return 'open'
    for (;;) {
      const reading = this.#isClosed ? this.#readEnd() : this.#key === undefined ? this.#readTag() : this.#readValue()
      if (reading !== undefined) return reading
    }
  }

  finish(): ParsedCall | undefined {
    return this.#isClosed ? this.#call : undefined
  }

  get #call(): ParsedCall {
    const members = Array.from(this.#values, ([key, value]) => `${JSON.stringify(key)}: ${value}`)
    return { name: this.#name ?? '', arguments: `{${members.join(', ')}}` }
  }

  /** The function's name, the next argument's, or the function's end. Undefined: read; there may be more. */
  #readTag(): CallReading | undefined {
    const hasName = this.#name !== undefined
    const found = tagAt(this.#text, this.#at, hasName ? [parameterOpen, functionClose] : [functionOpen])
    if (found === 'open' || found === undefined) return found ?? 'broken'
    if (found.tag === functionClose) {
      this.#isClosed = true
      this.#at = found.end
      return undefined
    }
    const end = this.#text.indexOf('>', found.end)
    const name = this.#text.slice(found.end, end < 0 ? undefined : end)
    if (name.length > longestName || /[\n<]/.test(name)) return 'broken'
    if (end < 0) return 'open'
    if (name === '') return 'broken'
    if (hasName) this.#key = name
    else this.#name = name
    this.#at = this.#from = end + 1
    return undefined
  }

  /** A closing tag ends a value only where the next argument or the function's end follows: it may be part of the text. */
  #readValue(): CallReading | undefined {
    const end = this.#text.indexOf(parameterClose, this.#from)
    if (end < 0) {
      this.#from = Math.max(this.#at, this.#text.length - parameterClose.length + 1)
      return 'open'
    }
    const behind = end + parameterClose.length
    const next = tagAt(this.#text, behind, [parameterOpen, functionClose])
    if (next === 'open') return 'open'
    if (next === undefined) {
      this.#from = behind
      return undefined
    }
    const key = this.#key ?? ''
    this.#values.set(key, this.#jsonOf(key, this.#text.slice(this.#at, end).replace(/^\n|\n$/g, '')))
    this.#key = undefined
    this.#at = behind
    return undefined
  }

  #readEnd(): CallReading {
    const found = tagAt(this.#text, this.#at, [toolTags.close])
    if (found === 'open' || found === undefined) return found ?? 'broken'
    return { call: this.#call, rest: this.#text.slice(found.end) }
  }

  #jsonOf(key: string, value: string): string {
    const own = this.#tools.find((tool) => tool.function.name === this.#name)?.function.parameters
    const properties = (own?.['properties'] ?? {}) as Readonly<Record<string, unknown>>
    const types = typesOf(Object.hasOwn(properties, key) ? properties[key] : undefined, own)
    const json = pythonNames.get(value.trim()) ?? value.trim()
    const type = typeOfJson(json)
    return type !== undefined && type !== 'string' && types.has(type) ? json : JSON.stringify(value)
  }
}

const pythonNames: ReadonlyMap<string, string> = new Map([
  ['True', 'true'],
  ['False', 'false'],
  ['None', 'null'],
])

function typeOfJson(text: string) {
  try {
    return typeOf(JSON.parse(text))
  } catch {
    return undefined
  }
}
