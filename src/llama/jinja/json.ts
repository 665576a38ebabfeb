/** Python's `json.dumps`, as the filter `tojson` of transformers calls it: no HTML escapes, and no ASCII unless it is asked for. */
import type { Arguments } from './arguments.ts'
import type { Value } from './library.ts'
import {
  entriesOf,
  isFloat,
  isInteger,
  isNone,
  isText,
  itemsOf,
  iterate,
  keyOf,
  pythonType,
  repr,
  str,
} from './values.ts'

interface JsonStyle {
  readonly indent: string | undefined
  readonly between: string
  readonly afterKey: string
  readonly ascii: boolean
  readonly sorted: boolean
}

/** @throws Error for what JSON does not have */
export function toJson(value: Value, args: Arguments): string {
  args.expect('ensure_ascii', 'indent', 'separators', 'sort_keys')
  const indent = indentOf(args.get(1, 'indent'), args)
  const separators = args.get(2, 'separators')
  const [between, afterKey] = separators && !isNone(separators) ? iterate(separators).map(str) : []
  return dump(value, '\n', {
    indent,
    between: between ?? (indent === undefined ? ', ' : ','),
    afterKey: afterKey ?? ': ',
    ascii: args.isTrue(0, 'ensure_ascii'),
    sorted: args.isTrue(3, 'sort_keys'),
  })
}

function indentOf(indent: Value | undefined, args: Arguments): string | undefined {
  if (!indent || isNone(indent)) return undefined
  return isText(indent) ? indent.value : ' '.repeat(Math.max(0, args.count(1, 'indent', 0)))
}

/** `lineBreak`: with the indentation of where the value stands. */
function dump(value: Value, lineBreak: string, style: JsonStyle): string {
  if (isNone(value)) return 'null'
  if (isText(value)) return textOf(value.value, style)
  if (value.type === 'BooleanValue') return String(value.value)
  if (isInteger(value)) return repr(value)
  if (isFloat(value)) return Number.isFinite(value.value) ? repr(value) : nonFinite(value.value)
  const inner = style.indent === undefined ? '' : lineBreak + style.indent
  const outer = style.indent === undefined ? '' : lineBreak
  const own = (item: Value) => dump(item, inner, style)
  const items = itemsOf(value)?.map(own)
  if (items) return enclosed('[]', items, inner, outer, style)
  const entries = entriesOf(value)
  if (!entries) throw new Error(`${pythonType(value)} has no JSON`)
  const named = Array.from(entries, ([name, item]) => [keyText(keyOf(name)), item] as const)
  if (style.sorted) named.sort(([a], [b]) => (a < b ? -1 : Number(a > b)))
  const pairs = named.map(([name, item]) => `${textOf(name, style)}${style.afterKey}${own(item)}`)
  return enclosed('{}', pairs, inner, outer, style)
}

function enclosed(brackets: string, items: readonly string[], inner: string, outer: string, style: JsonStyle): string {
  if (items.length === 0) return brackets
  return brackets.charAt(0) + inner + items.join(style.between + inner) + outer + brackets.charAt(1)
}

function keyText(key: Value): string {
  return isText(key) ? key.value : repr(key)
}

function nonFinite(value: number): string {
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity'
}

function textOf(text: string, { ascii }: JsonStyle): string {
  const json = JSON.stringify(text)
  return ascii
    ? json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json
}
