/** Arguments of a filter, a test or a method, by position or by name. */
import type { NamedArguments, Value } from './library.ts'
import { isInteger, isNone, isText, isTrue, pythonType } from './values.ts'

export class Arguments {
  readonly positional: readonly Value[]
  readonly named: NamedArguments

  constructor(positional: readonly Value[], named: NamedArguments = new Map()) {
    this.positional = positional
    this.named = named
  }

  /** As the library gives them to a function: those with names in a last one. */
  static ofCall(args: readonly Value[]): Arguments {
    const last = args.at(-1)
    if (last?.type !== 'KeywordArgumentsValue') return new Arguments(args)
    return new Arguments(args.slice(0, -1), last.value as NamedArguments)
  }

  /** @throws Error if more are given, or others */
  expect(...names: readonly string[]): this {
    if (this.positional.length > names.length) throw new Error(`takes at most ${names.length} arguments`)
    for (const name of this.named.keys()) if (!names.includes(name)) throw new Error(`has no argument "${name}"`)
    return this
  }

  /** Those after the first `count` by position, and all with names. */
  after(count: number): Arguments {
    return new Arguments(this.positional.slice(count), this.named)
  }

  get(position: number, name: string): Value | undefined {
    return this.positional[position] ?? this.named.get(name)
  }

  /** @throws Error if it is missing */
  value(position: number, name: string): Value {
    const value = this.get(position, name)
    if (!value) throw new Error(`needs the argument "${name}"`)
    return value
  }

  /** @throws Error if it is missing or no text */
  text(position: number, name: string): string {
    const value = this.value(position, name)
    if (!isText(value)) throw new Error(`needs a text as "${name}", not ${pythonType(value)}`)
    return value.value
  }

  /** `undefined` if it is missing or `none`. */
  optionalText(position: number, name: string): string | undefined {
    const value = this.get(position, name)
    return value && !isNone(value) ? this.text(position, name) : undefined
  }

  /** @throws Error if it is no whole number, or larger than what a text may have */
  count(position: number, name: string, otherwise: number): number {
    const value = this.get(position, name)
    if (!value) return otherwise
    if (!isInteger(value)) throw new Error(`needs a whole number as "${name}", not ${pythonType(value)}`)
    if (value.value > 100_000) throw new Error(`takes at most 100000 as "${name}"`)
    return value.value
  }

  isTrue(position: number, name: string): boolean {
    const value = this.get(position, name)
    return value !== undefined && isTrue(value)
  }
}
