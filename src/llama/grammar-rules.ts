/**
 * Rules of a grammar (GBNF) of llama.cpp. What is made of them cannot hurt llama.cpp, which follows them by recursion: no parentheses
 * within parentheses, no repetition of what may be empty, no left recursion, no long chains; its size is limited.
 */
import { beginning } from '../beginning.ts'
import { InputError } from '../errors.ts'
import { longestChain } from './grammar-chains.ts'

const mostRules = 2000
const mostText = 256 * 1024
const mostChained = 256

/** What needs no schema. A model may put one space or one line break with its indentation anywhere, and no more. */
const basics: Readonly<Record<string, string>> = {
  ws: '| " " | "\\n" [ \\t]{0,20}',
  lead: '[ \\n]{0,4}',
  boolean: '"true" | "false"',
  null: '"null"',
  'integral-part': '"0" | [1-9] [0-9]{0,15}',
  integer: '"-"? integral-part',
  'decimal-part': '"." [0-9]{1,16}',
  'exponent-part': '[eE] [-+]? [0-9]{1,3}',
  number: '"-"? integral-part decimal-part? exponent-part?',
  escape: '[\\\\] escape-kind',
  'escape-kind': '["\\\\/bfnrt] | "u" [0-9a-fA-F]{4}',
  char: '[^"\\\\\\x00-\\x1F\\x7F] | escape',
  string: '"\\"" char* "\\"" ',
  member: 'string ws ":" ws value',
  'more-members': '"," ws member ws',
  object: '"{" ws "}" | "{" ws member ws more-members* "}"',
  'more-values': '"," ws value ws',
  array: '"[" ws "]" | "[" ws value ws more-values* "]"',
  value: 'object | array | string | number | boolean | null',
}

export class GrammarRules {
  readonly #rules = new Map<string, string>(Object.entries(basics))
  #count = 0

  /** @returns the new rule's name */
  add(body: string): string {
    const name = this.newName()
    this.#rules.set(name, body)
    return name
  }

  /** @throws InputError `unsupported_schema` if there are too many */
  newName(): string {
    if (++this.#count > mostRules) throw unsupported('', `it makes more than ${mostRules} rules`)
    return `r${this.#count}`
  }

  set(name: string, body: string): void {
    this.#rules.set(name, body)
  }

  get(name: string): string | undefined {
    return this.#rules.get(name)
  }

  has(name: string): boolean {
    return this.#rules.has(name)
  }

  /**
   * The whole grammar.
   * @throws InputError `unsupported_schema` if it is too long, or too deep
   */
  text(root: string): string {
    const rules = [...this.#rules].map(([name, body]) => `${name} ::= ${body}`)
    const text = [`root ::= ${root}`, ...rules].join('\n')
    if (text.length > mostText) throw unsupported('', `it makes a grammar of more than ${mostText} characters`)
    if (longestChain(this.#rules) > mostChained) {
      throw unsupported('', `it leads through more than ${mostChained} rules to a first character`)
    }
    return text
  }
}

/** A text as a literal of the grammar. */
export function literal(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t')
  return `"${escaped}"`
}

/** @param at JSON pointer of what cannot be enforced */
export function unsupported(at: string, why: string): InputError {
  return new InputError(
    'unsupported_schema',
    `the schema cannot be enforced at "${at === '' ? '/' : beginning(at)}": ${why}`,
  )
}
