/** Jinja's filters, those that make sense for text without markup. */
import type { Arguments } from './arguments.ts'
import { formatPercent } from './format.ts'
import { toJson } from './json.ts'
import type { Value } from './library.ts'
import { own, pairsOf } from './methods.ts'
import { testNamed } from './tests.ts'
import * as texts from './text.ts'
import { add } from './operators.ts'
import {
  attributeOf,
  compare,
  entriesOf,
  floatOf,
  generatorOf,
  isFloat,
  isNone,
  isText,
  isTrue,
  isUndefined,
  itemOf,
  iterate,
  listOf,
  numberOf,
  pythonType,
  repr,
  str,
  undefinedValue,
  valueOf,
} from './values.ts'

/** A function is a generator's. */
type Filter = (input: Value, args: Arguments) => Value | string | number | readonly Value[] | (() => readonly Value[])

const length: Filter = (input) => {
  if (input.type === 'Generator') throw new Error('a generator has no length')
  return isText(input) ? texts.charactersIn(input.value) : iterate(input).length
}
const escape: Filter = (input) =>
  str(input)
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('<', '&lt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;')
const orDefault: Filter = (input, args) => {
  const isMissing = isUndefined(input) || (args.isTrue(1, 'boolean') && !isTrue(input))
  return isMissing ? (args.get(0, 'default_value') ?? valueOf('')) : input
}

const filters: Readonly<Record<string, Filter>> = {
  abs: (input) => {
    const number = numberIn(input)
    return isFloat(input) ? floatOf(Math.abs(number)) : valueOf(Math.abs(number))
  },
  capitalize: (input) => texts.capitalize(str(input)),
  count: length,
  d: orDefault,
  default: orDefault,
  dictsort: (input, args) => {
    const entries = iterate(pairsOf(dictionaryIn(input)))
    const by = valueOf(args.optionalText(1, 'by') === 'value' ? 1 : 0)
    return sorted(entries, (pair) => itemOf(pair, by), args.isTrue(0, 'case_sensitive'), args.isTrue(2, 'reverse'))
  },
  e: escape,
  escape,
  first: (input) => iterate(input)[0] ?? undefinedValue,
  float: (input, args) => {
    const number =
      numberOf(input) ??
      (isText(input) ? numberFrom(input.value, /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i) : undefined)
    return number === undefined ? (args.get(0, 'default') ?? floatOf(0)) : floatOf(number)
  },
  format: (input, args) => formatPercent(str(input), args.positional),
  indent: (input, args) => {
    const width = args.get(0, 'width')
    const by = width && isText(width) ? width.value : ' '.repeat(Math.max(0, args.count(0, 'width', 4)))
    const [first = '', ...rest] = str(input).split('\n')
    const indented = rest.map((line) => (line === '' && !args.isTrue(2, 'blank') ? line : by + line))
    return [args.isTrue(1, 'first') ? by + first : first, ...indented].join('\n')
  },
  int: (input, args) => {
    const number = numberOf(input) ?? (isText(input) ? numberFrom(input.value, /^[+-]?\d+(?:\.\d*)?$/) : undefined)
    return number === undefined ? (args.get(0, 'default') ?? valueOf(0)) : valueOf(Math.trunc(number))
  },
  items: (input) => () => (isUndefined(input) ? [] : iterate(pairsOf(dictionaryIn(input)))),
  join: (input, args) => {
    const attribute = args.get(1, 'attribute')
    const items = iterate(input).map((item) => str(attribute ? attributeOf(item, attribute) : item))
    return items.join(str(args.get(0, 'd') ?? valueOf('')))
  },
  last: (input) => iterate(input).at(-1) ?? undefinedValue,
  length,
  list: (input) => iterate(input),
  lower: (input) => str(input).toLowerCase(),
  map: (input, args) => {
    const attribute = args.named.get('attribute')
    const otherwise = args.named.get('default')
    if (attribute) return () => itemsIn(input).map((item) => orOther(attributeOf(item, attribute), otherwise))
    const filter = args.text(0, 'filter')
    return () => itemsIn(input).map((item) => applyFilter(filter, item, args.after(1)))
  },
  max: (input, args) => extreme(input, args, 1),
  min: (input, args) => extreme(input, args, -1),
  reject: (input, args) => () => itemsIn(input).filter((item) => !isSelected(item, args)),
  rejectattr: (input, args) => {
    const attribute = args.value(0, 'attribute')
    return () => itemsIn(input).filter((item) => !isSelected(attributeOf(item, attribute), args.after(1)))
  },
  replace: (input, args) => {
    const count = args.get(2, 'count')
    const most = count && !isNone(count) ? args.count(2, 'count', 0) : Infinity
    return texts.replace(str(input), str(args.value(0, 'old')), str(args.value(1, 'new')), most < 0 ? Infinity : most)
  },
  reverse: (input) => {
    if (isText(input)) return Array.from(input.value).reverse().join('')
    const items = [...iterate(input)].reverse()
    return () => items
  },
  round: (input, args) => {
    const result = rounded(numberIn(input), args.count(0, 'precision', 0), args.optionalText(1, 'method'))
    return isFloat(input) ? floatOf(result) : valueOf(result)
  },
  safe: (input) => str(input),
  select: (input, args) => () => itemsIn(input).filter((item) => isSelected(item, args)),
  selectattr: (input, args) => {
    const attribute = args.value(0, 'attribute')
    return () => itemsIn(input).filter((item) => isSelected(attributeOf(item, attribute), args.after(1)))
  },
  sort: (input, args) => {
    const attribute = args.get(2, 'attribute')
    const key = (item: Value) => (attribute && !isNone(attribute) ? attributeOf(item, attribute) : item)
    return sorted(iterate(input), key, args.isTrue(1, 'case_sensitive'), args.isTrue(0, 'reverse'))
  },
  string: (input) => str(input),
  sum: (input, args) => {
    const attribute = args.get(0, 'attribute')
    const items = iterate(input).map((item) => (attribute && !isNone(attribute) ? attributeOf(item, attribute) : item))
    return items.reduce(add, args.get(1, 'start') ?? valueOf(0))
  },
  title: (input) => {
    const word = (found: string) => found.charAt(0).toUpperCase() + found.slice(1).toLowerCase()
    return str(input).replace(/[^-\s({[<]+/g, word)
  },
  tojson: toJson,
  trim: (input, args) => texts.strip(str(input), args.optionalText(0, 'chars')),
  unique: (input, args) => {
    const attribute = args.get(1, 'attribute')
    const isFolded = !args.isTrue(0, 'case_sensitive')
    const key = (item: Value) => folded(attribute && !isNone(attribute) ? attributeOf(item, attribute) : item, isFolded)
    const seen = new Set<string | number>()
    const isNew = (item: Value) => seen.size < seen.add(numberOf(key(item)) ?? repr(key(item))).size
    return () => iterate(input).filter(isNew)
  },
  upper: (input) => str(input).toUpperCase(),
}

/** @throws Error for a filter that is not known, and for what it does not take */
export function applyFilter(name: string, input: Value, args: Arguments): Value {
  const filter = own(filters, name)
  if (!filter) throw new Error(`there is no filter "${name}"`)
  const result = filter(input, args)
  if (typeof result === 'function') return generatorOf(result)
  if (typeof result !== 'object') return valueOf(result)
  return 'type' in result ? result : listOf(result)
}

/** `map`, `select` and their like take what is false as an empty list. */
function itemsIn(input: Value): readonly Value[] {
  return isTrue(input) ? iterate(input) : []
}

/** `select` and `reject`: by a test, or by what is true. */
function isSelected(value: Value, args: Arguments): boolean {
  const test = args.optionalText(0, 'test')
  return test === undefined ? isTrue(value) : testNamed(test, value, args.after(1).positional)
}

function orOther(value: Value, otherwise: Value | undefined): Value {
  return isUndefined(value) ? (otherwise ?? value) : value
}

function folded(value: Value, isFolded: boolean): Value {
  return isFolded && isText(value) ? valueOf(value.value.toLowerCase()) : value
}

function sorted(
  items: readonly Value[],
  key: (item: Value) => Value,
  isCaseSensitive: boolean,
  isReverse: boolean,
): Value[] {
  const keyed = items.map((item) => ({ item, key: folded(key(item), !isCaseSensitive) }))
  keyed.sort((a, b) => (isReverse ? compare(b.key, a.key) : compare(a.key, b.key)))
  return keyed.map(({ item }) => item)
}

function extreme(input: Value, args: Arguments, sign: 1 | -1): Value {
  const attribute = args.get(1, 'attribute')
  const isFolded = !args.isTrue(0, 'case_sensitive')
  const key = (item: Value) => folded(attribute && !isNone(attribute) ? attributeOf(item, attribute) : item, isFolded)
  const [first, ...rest] = iterate(input)
  if (!first) return undefinedValue
  return rest.reduce((best, item) => (sign * compare(key(item), key(best)) > 0 ? item : best), first)
}

function rounded(number: number, digits: number, method: string | undefined): number {
  const scaled = number * 10 ** digits
  if (method === 'ceil') return Math.ceil(scaled) / 10 ** digits
  if (method === 'floor') return Math.floor(scaled) / 10 ** digits
  const nearest = Math.round(scaled)
  const isTie = Math.abs(scaled % 1) === 0.5
  return (isTie && nearest % 2 !== 0 ? nearest - 1 : nearest) / 10 ** digits
}

function numberFrom(text: string, pattern: RegExp): number | undefined {
  const trimmed = texts.strip(text, undefined)
  return pattern.test(trimmed) ? Number(trimmed) : undefined
}

function numberIn(value: Value): number {
  const number = numberOf(value)
  if (number === undefined) throw new Error(`needs a number, not ${pythonType(value)}`)
  return number
}

function dictionaryIn(value: Value): ReadonlyMap<string, Value> {
  const entries = entriesOf(value)
  if (!entries) throw new Error(`needs a dictionary, not ${pythonType(value)}`)
  return entries
}
