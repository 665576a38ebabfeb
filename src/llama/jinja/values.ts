/** Values of a template, with what Python does with its own: `str`, `repr`, iteration, equality, order. */
import { Environment, Interpreter, type Value } from './library.ts'

export type PythonFunction = (args: readonly Value[]) => Value

/** The library's classes, which it does not export. */
const FloatValue = classOf(literal('FloatLiteral', 1))
const IntegerValue = classOf(converted(1))
const TextValue = classOf(converted(''))
const ListValue = classOf(converted([]))
const TupleValue = classOf(literal('TupleLiteral', []))
const DictionaryValue = classOf(converted({}))

function converted(value: unknown): Value {
  return new Environment().set('value', value)
}
function literal(type: string, value: unknown): Value {
  return new Interpreter().evaluate({ type, value }, new Environment())
}
function classOf(value: Value): new (value: unknown) => Value {
  return value.constructor as new (value: unknown) => Value
}

export const undefinedValue = converted(undefined)
export const noneValue = converted(null)

/** Of texts, numbers, booleans, `null` and `undefined`, functions of such values, and lists and plain objects of all these. */
export function valueOf(value: unknown): Value {
  if (typeof value === 'string') return new TextValue(value)
  if (typeof value === 'boolean') return value ? trueValue : falseValue
  if (typeof value !== 'number' || !Number.isInteger(value)) return converted(value)
  return smallNumbers[value] ?? new IntegerValue(value)
}

const trueValue = converted(true)
const falseValue = converted(false)
/** The library's values take long to make, and each turn of a loop needs a few. */
const smallNumbers = Array.from({ length: 256 }, (_, number) => new IntegerValue(number))
export const floatOf = (value: number): Value => new FloatValue(value)
export const listOf = (items: readonly Value[]): Value => new ListValue(items)
export const tupleOf = (items: readonly Value[]): Value => new TupleValue(items)
export const dictionaryOf = (entries: Iterable<readonly [string, Value]>): Value =>
  new DictionaryValue(new Map(entries))

export function functionOf(call: PythonFunction): Value {
  const value = valueOf(() => null) as { value: PythonFunction }
  value.value = call
  return value as unknown as Value
}

/** What Jinja's filters give that work item by item: it is true, has no length, fails when it is iterated, and only once has items. */
class Generator implements Value {
  readonly type = 'Generator'
  readonly value: () => readonly Value[]

  constructor(items: () => readonly Value[]) {
    let isUsed = false
    this.value = () => {
      if (isUsed) return []
      isUsed = true
      return items()
    }
  }

  __bool__() {
    return { value: true }
  }
}

export const generatorOf = (items: () => readonly Value[]): Value => new Generator(items)

export const isUndefined = (value: Value): boolean => value.type === 'UndefinedValue'
export const isNone = (value: Value): boolean => value.type === 'NullValue'
export const isText = (value: Value): value is Value & { readonly value: string } => value.type === 'StringValue'
export const isInteger = (value: Value): value is Value & { readonly value: number } => value.type === 'IntegerValue'
export const isFloat = (value: Value): value is Value & { readonly value: number } => value.type === 'FloatValue'
export const isTrue = (value: Value): boolean => value.__bool__().value

/** A list's or a tuple's. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  return value.type === 'ArrayValue' || value.type === 'TupleValue' ? (value.value as readonly Value[]) : undefined
}

export function entriesOf(value: Value): ReadonlyMap<string, Value> | undefined {
  const isDictionary = value.type === 'ObjectValue' || value.type === 'KeywordArgumentsValue'
  return isDictionary ? (value.value as ReadonlyMap<string, Value>) : undefined
}

/** Python's `True` is 1. */
export function numberOf(value: Value): number | undefined {
  return isInteger(value) || isFloat(value) || value.type === 'BooleanValue' ? Number(value.value) : undefined
}

/** The library's dictionaries have texts as keys: a whole number becomes one, and is a number again when it is read. */
const numberMark = '\u0000number:'

/** @throws Error for what cannot be a key here */
export function nameOf(key: Value): string {
  const name = possibleNameOf(key)
  if (name === undefined) throw new Error(`the keys of a dictionary must be texts or whole numbers, not ${repr(key)}`)
  return name
}

function possibleNameOf(key: Value): string | undefined {
  if (isText(key)) return key.value
  const number = numberOf(key)
  return number !== undefined && Number.isInteger(number) ? `${numberMark}${number}` : undefined
}

export function entryOf(entries: ReadonlyMap<string, Value>, key: Value): Value | undefined {
  const name = possibleNameOf(key)
  return name === undefined ? undefined : entries.get(name)
}

export function keyOf(name: string): Value {
  return valueOf(name.startsWith(numberMark) ? Number(name.slice(numberMark.length)) : name)
}

/** @throws Error for what is not iterable */
export function iterate(value: Value): readonly Value[] {
  if (isText(value)) return Array.from(value.value, valueOf)
  if (isUndefined(value)) return []
  if (value instanceof Generator) return value.value()
  const entries = entriesOf(value)
  const items = entries ? Array.from(entries.keys(), keyOf) : itemsOf(value)
  if (!items) throw new Error(`${pythonType(value)} is not iterable`)
  return items
}

/** `value[key]`; undefined if there is none. */
export function itemOf(value: Value, key: Value): Value {
  const entries = entriesOf(value)
  if (entries) return entryOf(entries, key) ?? undefinedValue
  const index = numberOf(key)
  if (index === undefined) return undefinedValue
  const item = isText(value) ? Array.from(value.value).at(index) : itemsOf(value)?.at(index)
  return item === undefined ? undefinedValue : typeof item === 'string' ? valueOf(item) : item
}

/** `attribute` of the filters: `name`, `0`, or a path of these with dots. */
export function attributeOf(value: Value, path: Value): Value {
  const keys = isText(path)
    ? path.value.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part))
    : [path.value]
  return keys.reduce<Value>((found, key) => itemOf(found, valueOf(key)), value)
}

export function equal(a: Value, b: Value): boolean {
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== undefined && y !== undefined) return x === y
  if (a.type !== b.type) return false
  const [items, others] = [itemsOf(a), itemsOf(b)]
  if (items && others) {
    return items.length === others.length && items.every((item, i) => equal(item, others[i] ?? undefinedValue))
  }
  const [entries, otherEntries] = [entriesOf(a), entriesOf(b)]
  if (entries && otherEntries) {
    const isSame = ([name, value]: [string, Value]) => equal(value, otherEntries.get(name) ?? undefinedValue)
    return entries.size === otherEntries.size && [...entries].every(isSame)
  }
  return a.value === b.value
}

/**
 * Below 0, 0 or above 0.
 * @throws Error for what has no order
 */
export function compare(a: Value, b: Value): number {
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== undefined && y !== undefined) return x - y
  if (isText(a) && isText(b)) return a.value < b.value ? -1 : Number(a.value > b.value)
  const [items, others] = [itemsOf(a), itemsOf(b)]
  if (!items || !others) throw new Error(`${pythonType(a)} and ${pythonType(b)} have no order`)
  const first = items.findIndex((item, i) => !equal(item, others[i] ?? undefinedValue))
  const [item, other] = [items[first], others[first]]
  return item && other ? compare(item, other) : items.length - others.length
}

/** @throws Error for what cannot contain anything */
export function contains(container: Value, value: Value): boolean {
  if (isText(container)) {
    if (!isText(value)) throw new Error(`${pythonType(value)} cannot be in a text`)
    return container.value.includes(value.value)
  }
  const entries = entriesOf(container)
  if (entries) return entryOf(entries, value) !== undefined
  return iterate(container).some((item) => equal(item, value))
}

/** Python's `str`. */
export function str(value: Value): string {
  if (isUndefined(value)) return ''
  return isText(value) ? value.value : repr(value)
}

/** Python's `repr`. */
export function repr(value: Value): string {
  if (isText(value)) return textRepr(value.value)
  if (isUndefined(value)) return 'Undefined'
  if (isNone(value)) return 'None'
  if (isInteger(value)) return String(BigInt(value.value))
  if (isFloat(value)) return floatRepr(value.value)
  if (value.type === 'BooleanValue') return value.value === true ? 'True' : 'False'
  const items = itemsOf(value)?.map(repr)
  if (items && value.type === 'ArrayValue') return `[${items.join(', ')}]`
  if (items) return `(${items.join(', ')}${items.length === 1 ? ',' : ''})`
  const entries =
    entriesOf(value) ?? (value.type === 'NamespaceValue' ? (value.value as ReadonlyMap<string, Value>) : [])
  const text = `{${Array.from(entries, ([name, item]) => `${repr(keyOf(name))}: ${repr(item)}`).join(', ')}}`
  if (value.type === 'NamespaceValue') return `<Namespace ${text}>`
  return entriesOf(value) ? text : `<${value.type}>`
}

const hexDigits = { x: 2, u: 4, U: 8 } as const

function textRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const known: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\\': '\\\\',
    [quote]: `\\${quote}`,
  }
  const escaped = text.replace(/[\\'"\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (character) => {
    if (character === '"' || character === "'") return known[character] ?? character
    const code = character.codePointAt(0) ?? 0
    const hexadecimal = code.toString(16)
    const letter = code < 0x100 ? 'x' : code < 0x10000 ? 'u' : 'U'
    return known[character] ?? `\\${letter}${hexadecimal.padStart(hexDigits[letter], '0')}`
  })
  return `${quote}${escaped}${quote}`
}

function floatRepr(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [digits = '', exponent = ''] = value.toExponential().split('e')
  const power = Number(exponent)
  if (power >= -4 && power < 16) return Number.isInteger(value) ? value.toFixed(1) : String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}

const typeNames: Readonly<Record<string, string>> = {
  NullValue: 'None',
  UndefinedValue: 'an undefined value',
  BooleanValue: 'a boolean',
  IntegerValue: 'a number',
  FloatValue: 'a number',
  StringValue: 'a text',
  ArrayValue: 'a list',
  TupleValue: 'a tuple',
  ObjectValue: 'a dictionary',
  NamespaceValue: 'a namespace',
  FunctionValue: 'a function',
  Generator: 'a generator',
}
export function pythonType(value: Value): string {
  return typeNames[value.type] ?? value.type
}
