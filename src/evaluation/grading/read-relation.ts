/**
 * Equations and inequalities: which name a value, which say where a number lies.
 */
import { interval, type Answer, type Order } from './answer.ts'
import { changesMeaning } from './counted-things.ts'
import { splitOutside } from './brackets.ts'
import { parseRational } from './rational.ts'

const relation = /=|<|>|\\(?:le|ge|ne|in|approx|equiv)(?![a-zA-Z])/y
const greek = 'alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|psi|omega|sigma|rho|tau|varphi|Delta'
const letter = String.raw`(?:[A-Za-z]|\\(?:${greek}))(?:_(?:\{[^{}]*\}|\w))?(?:\^\{-1\})?'*`
const segment = String.raw`[A-Z]'*[A-Z]'*(?:[A-Z]'*){0,2}`
/** A variable, a function of something, a segment or triangle by its corners, an angle, words, a point of variables. */
const plainName = new RegExp(
  String.raw`^(?:(?:\\(?:sin|cos|tan|cot|ln|log|arg|det)\s*)?${letter}(?:\([^()]*\))?|${segment}|\|(?:${segment}|\\vec\{?${letter}\}?)\||(?:m\s*)?\\(?:angle|triangle)\s*[A-Z]{1,3}` +
    String.raw`|\\text\{[^{}]*\}(?:_\{?\w+\}?)?|\\(?:vec|hat|bar|overline|overrightarrow)\s*\{?(?:${letter}|${segment})\}?|\((?:${letter},?\s*)+\))$`,
)
/** A ratio of names: `A:B`, `V_1:V_2`. */
const nameRatio = new RegExp(String.raw`^(?:${letter}|${segment})(?::(?:${letter}|${segment}))+$`)
/** What is asked for in some questions, but can also be one side of an equation: `x+y`, `2+3`, `|z|`. */
const compoundName = /^(?:-?[A-Za-z]+(?:\s*[-+]\s*[A-Za-z]+)*|[^A-Za-z\\]+|\|[^|]*\|)$/
/** What lies in an interval, even one between letters. */
const unknown = new RegExp(String.raw`^(?:[k-z]|[a-zA-Z]\([a-z]\))$`)

/** @param read reads the parts */
export function readRelation(text: string, read: (part: string) => Answer): Answer | undefined {
  const { parts, separators } = splitOutside(text, relation)
  const [left = '', right = ''] = parts
  const last = parts.at(-1) ?? ''
  const [sign = ''] = separators
  if (sign === '' || parts.includes('')) return undefined
  // Of 3\pi \approx 9.42 the first is exact.
  if (separators.at(-1) === '\\approx' && !(parts.length === 2 && isPlain(left))) {
    if (parts.length === 2 && isRounded(right, left)) return read(right)
    return read(text.slice(0, text.lastIndexOf('\\approx')).trim())
  }
  if (changesMeaning(left)) return undefined
  if (separators.every((one) => one === '=' || one === '\\approx' || one === '\\equiv')) {
    if (isName(left)) return named(left, last, read)
    if (parts.length > 2) return { kind: 'equation', sides: parts }
    return isPlain(right) ? named(right, left, read) : { kind: 'equation', sides: parts }
  }
  if (sign === '\\in') return parts.length === 2 && isName(left) ? read(right) : undefined
  if (sign === '\\ne') return parts.length === 2 && isName(left) ? without(pointsOf(right)) : undefined
  return readOrder(parts, separators)
}

/** `\mathbb{R}\setminus\{1,2\}`: all numbers but these. */
export function readExcluded(text: string): Answer | undefined {
  const [, excluded] =
    /^(?:\\mathbb\{R\}|\(-\\infty\s*,\s*\\infty\))\s*(?:\\setminus|-)\s*\\\{(.+)\\\}$/.exec(text) ?? []
  return excluded === undefined ? undefined : without(pointsOf(excluded))
}

function pointsOf(text: string): readonly string[] {
  const { parts } = splitOutside(text, /,\s*(?:\\text\{(?:and|or)\})?|\\text\{(?:and|or)\}/y)
  return parts.flatMap((part) => {
    const [, point] = /^\\pm\s*(.+)$/.exec(part) ?? []
    return point === undefined ? [part] : [`-${point}`, point]
  })
}

/** Whether a decimal is another one in fewer digits. */
function isRounded(text: string, exact: string): boolean {
  const [digits, more] = [text, exact].map((one) =>
    /^-?\d+(?:\.\d+)?$/.test(one) ? (one.split('.')[1] ?? '').length : undefined,
  )
  if (digits === undefined || more === undefined || digits > more) return false
  return Math.abs(Number(text) - Number(exact)) * 10 ** digits <= 0.5 + 1e-9
}

function isPlain(text: string): boolean {
  return plainName.test(text) || nameRatio.test(text)
}

function isName(text: string): boolean {
  return isPlain(text) || compoundName.test(text)
}

function named(name: string, latex: string, read: (part: string) => Answer): Answer {
  const bare = name.replace(/\s+/g, '').replace(/^\|([A-Z]{2})\|$/, '$1')
  return { kind: 'named', name: bare, is: read(latex), latex, plain: isPlain(name) }
}

/** The line without some points, which must be plain numbers if there are several. */
function without(points: readonly string[]): Answer | undefined {
  const values = points.map((point) => ({ point, value: parseRational(point) }))
  if (values.length > 1 && values.some(({ value }) => !value)) return undefined
  const ascending = values.toSorted((a, b) => {
    const difference = (a.value?.n ?? 0n) * (b.value?.d ?? 1n) - (b.value?.n ?? 0n) * (a.value?.d ?? 1n)
    return difference < 0n ? -1 : Number(difference > 0n)
  })
  const ends = ['-\\infty', ...ascending.map(({ point }) => point), '\\infty']
  const items = ends.slice(1).map((end, i) => interval('(', ends[i] ?? '', end, ')'))
  return { kind: 'list', items, braces: true, joined: 'any' }
}

function readOrder(given: readonly string[], signs: readonly string[]): Order | undefined {
  const up = signs.every((sign) => sign === '<' || sign === '\\le')
  const down = signs.every((sign) => sign === '>' || sign === '\\ge')
  if (!up && !down) return undefined
  const parts = up ? given : given.toReversed()
  const strict = (up ? signs : signs.toReversed()).map((sign) => sign === '<' || sign === '>')
  const bounds = intervalOf(parts, strict)
  const ends = bounds?.items.map((end) => (end.kind === 'value' ? end.latex : '')) ?? []
  const variable = bounds && parts.find((part) => !ends.includes(part))
  return { kind: 'order', parts, strict, interval: bounds, variable }
}

function isVariable(text: string): boolean {
  return plainName.test(text) && !/^(?:e|i|\\pi)$/.test(text)
}

function intervalOf(parts: readonly string[], strict: readonly boolean[]): Order['interval'] {
  const [first = '', second = '', third] = parts
  const open = strict[0] ? '(' : '['
  if (third !== undefined) {
    const isBounded = parts.length === 3 && plainName.test(second)
    const hasNumbers = ![first, third].some((end) => /[A-Za-z]/.test(end.replace(/\\[A-Za-z]+/g, '')))
    if (!isBounded || !(hasNumbers || unknown.test(second))) return undefined
    return interval(open, first, third, strict[1] ? ')' : ']')
  }
  const [, bounded] = /^\|([a-z])\|$/.exec(first) ?? []
  if (bounded !== undefined) return interval(open, `-(${second})`, second, strict[0] ? ')' : ']')
  if (isVariable(first) && !(unknown.test(second) && !unknown.test(first)))
    return interval('(', '-\\infty', second, strict[0] ? ')' : ']')
  return isVariable(second) ? interval(open, first, '\\infty', ')') : undefined
}
