/** Methods of Python's texts, lists and dictionaries, those that change nothing: a template may not change what it is given. */
import { Arguments } from './arguments.ts'
import { formatText } from './format.ts'
import type { Value } from './library.ts'
import * as texts from './text.ts'
import {
  entriesOf,
  entryOf,
  equal,
  isNone,
  isText,
  itemsOf,
  iterate,
  keyOf,
  listOf,
  noneValue,
  pythonType,
  tupleOf,
  valueOf,
} from './values.ts'

type TextMethod = (text: string, args: Arguments) => Value | string | number | boolean | readonly string[]

/** Of texts, by name. */
const textMethods: Readonly<Record<string, TextMethod>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  capitalize: texts.capitalize,
  title: texts.title,
  strip: (text, args) => texts.strip(text, args.optionalText(0, 'chars')),
  lstrip: (text, args) => texts.strip(text, args.optionalText(0, 'chars'), 'start'),
  rstrip: (text, args) => texts.strip(text, args.optionalText(0, 'chars'), 'end'),
  removeprefix: (text, args) => {
    const prefix = args.text(0, 'prefix')
    return text.startsWith(prefix) ? text.slice(prefix.length) : text
  },
  removesuffix: (text, args) => {
    const suffix = args.text(0, 'suffix')
    return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text
  },
  startswith: (text, args) => anyOf(args).some((prefix) => text.startsWith(prefix)),
  endswith: (text, args) => anyOf(args).some((suffix) => text.endsWith(suffix)),
  split: (text, args) =>
    splitBy(
      args,
      (most) => texts.splitWords(text, most),
      (by, most) => texts.split(text, by, most),
    ),
  rsplit: (text, args) =>
    splitBy(
      args,
      (most) => texts.splitWords(reversed(text), most).map(reversed).reverse(),
      (by, most) => texts.splitFromEnd(text, by, most),
    ),
  splitlines: (text, args) => lines(text, args.isTrue(0, 'keepends')),
  partition: (text, args) => parted(text, args.text(0, 'sep'), text.indexOf(args.text(0, 'sep')), 'start'),
  rpartition: (text, args) => parted(text, args.text(0, 'sep'), text.lastIndexOf(args.text(0, 'sep')), 'end'),
  replace: (text, args) =>
    texts.replace(text, args.text(0, 'old'), args.text(1, 'new'), unlessNegative(args.count(2, 'count', -1))),
  join: (text, args) => iterate(args.value(0, 'iterable')).map(textOf).join(text),
  format: (text, args) => formatText(text, args.positional, args.named),
  find: (text, args) => positionIn(text, text.indexOf(args.text(0, 'sub'))),
  rfind: (text, args) => positionIn(text, text.lastIndexOf(args.text(0, 'sub'))),
  index: (text, args) => found(positionIn(text, text.indexOf(args.text(0, 'sub')))),
  rindex: (text, args) => found(positionIn(text, text.lastIndexOf(args.text(0, 'sub')))),
  count: (text, args) => {
    const part = args.text(0, 'sub')
    return part === '' ? texts.charactersIn(text) + 1 : text.split(part).length - 1
  },
  ljust: (text, args) => text + padding(text, args),
  rjust: (text, args) => padding(text, args) + text,
  isalnum: (text) => /^[\p{L}\p{N}]+$/u.test(text),
  isalpha: (text) => /^\p{L}+$/u.test(text),
  isdigit: (text) => /^[\p{Nd}\u00b2\u00b3\u00b9\u2070-\u2089]+$/u.test(text),
  isspace: texts.isSpace,
  islower: (text) => /\p{Ll}/u.test(text) && text === text.toLowerCase(),
  isupper: (text) => /\p{Lu}/u.test(text) && text === text.toUpperCase(),
}

const listMethods: Readonly<Record<string, (items: readonly Value[], args: Arguments) => Value>> = {
  index: (items, args) => valueOf(found(items.findIndex((item) => equal(item, args.value(0, 'value'))))),
  count: (items, args) => valueOf(items.filter((item) => equal(item, args.value(0, 'value'))).length),
  copy: listOf,
}

const dictionaryMethods: Readonly<Record<string, (entries: ReadonlyMap<string, Value>, args: Arguments) => Value>> = {
  get: (entries, args) => entryOf(entries, args.value(0, 'key')) ?? args.get(1, 'default') ?? noneValue,
  items: (entries) => pairsOf(entries),
  keys: (entries) => listOf(Array.from(entries.keys(), keyOf)),
  values: (entries) => listOf([...entries.values()]),
}

/** The method `name` of the value, if it has it. */
export function methodOf(value: Value, name: string): ((args: readonly Value[]) => Value) | undefined {
  const method = ownMethodOf(value, name)
  return method && ((args) => naming(name, () => method(Arguments.ofCall(args))))
}

function ownMethodOf(value: Value, name: string): ((args: Arguments) => Value) | undefined {
  if (isText(value)) {
    const method = own(textMethods, name)
    return method && ((args) => asValue(method(value.value, args)))
  }
  const items = itemsOf(value)
  if (items) {
    const method = own(listMethods, name)
    return method && ((args) => method(items, args))
  }
  const entries = entriesOf(value)
  const method = entries && own(dictionaryMethods, name)
  return method && ((args) => method(entries, args))
}

/** Runs `call`; what it says of wrong arguments is said with the name. */
export function naming<T>(name: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** A table's entry, and not what every object has, as `constructor`. */
export function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

export function pairsOf(entries: ReadonlyMap<string, Value>): Value {
  return listOf(Array.from(entries, ([name, value]) => tupleOf([keyOf(name), value])))
}

function asValue(result: ReturnType<TextMethod>): Value {
  return typeof result === 'object' && 'type' in result ? result : valueOf(result)
}

function textOf(value: Value): string {
  if (!isText(value)) throw new Error(`joins texts, not ${pythonType(value)}`)
  return value.value
}

/** `startswith` and `endswith` take a text or a tuple of texts. */
function anyOf(args: Arguments): readonly string[] {
  const given = args.value(0, 'prefix')
  return (itemsOf(given) ?? [given]).map(textOf)
}

function splitBy(
  args: Arguments,
  atSpaces: (most: number) => string[],
  at: (separator: string, most: number) => string[],
): string[] {
  const separator = args.get(0, 'sep')
  const most = unlessNegative(args.count(1, 'maxsplit', -1))
  return !separator || isNone(separator) ? atSpaces(most) : at(args.text(0, 'sep'), most)
}

function unlessNegative(count: number): number {
  return count < 0 ? Infinity : count
}

function reversed(text: string): string {
  return Array.from(text).reverse().join('')
}

function lines(text: string, withEnds: boolean): string[] {
  const all = text.match(/[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$)/g) ?? []
  return all
    .filter((line) => line !== '')
    .map((line) =>
      withEnds
        ? line
        : line.replace(/(?:\r\n|[\s\S])$/, (end) => (/[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/.test(end) ? '' : end)),
    )
}

function parted(text: string, separator: string, at: number, from: 'start' | 'end'): Value {
  if (separator === '') throw new Error('the separator is empty')
  const whole = from === 'start' ? [text, '', ''] : ['', '', text]
  const parts = at < 0 ? whole : [text.slice(0, at), separator, text.slice(at + separator.length)]
  return tupleOf(parts.map(valueOf))
}

function positionIn(text: string, at: number): number {
  return at < 0 ? -1 : texts.charactersIn(text.slice(0, at))
}

function found(position: number): number {
  if (position < 0) throw new Error('it is not there')
  return position
}

function padding(text: string, args: Arguments): string {
  const missing = Math.max(0, args.count(0, 'width', 0) - texts.charactersIn(text))
  return (args.optionalText(1, 'fillchar') ?? ' ').repeat(missing)
}
