/**
 * Equations and inequalities: which name a value, which say where a number lies. Knows nothing of other answers.
 */
import { interval, type Answer } from './answer.ts'
import { splitOutside } from './brackets.ts'
import { parseRational } from './rational.ts'

const relation = /=|<|>|\\(?:le|ge|ne|in|approx)(?![a-zA-Z])/y
const greek = 'alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|psi|omega|sigma|rho|tau|varphi|Delta'
const letter = String.raw`(?:[A-Za-z]|\\(?:${greek}))(?:_(?:\{[^{}]*\}|\w))?(?:\^\{-1\})?'*`
/** A variable, a function of something, a segment or triangle by its corners, an angle, words, a point of variables. */
const plainName = new RegExp(
  String.raw`^(?:${letter}(?:\([^()]*\))?|[A-Z]{2,4}|\\(?:angle|triangle)\s*[A-Z]{1,3}|\\text\{[^{}]*\}|\((?:${letter},?\s*)+\))$`,
)
/** What is asked for in some questions, but can also be one side of an equation: `x+y`, `2+3`, `|z|`. */
const compoundName = /^(?:-?[A-Za-z]+(?:\s*[-+]\s*[A-Za-z]+)*|[^A-Za-z\\]+|\|[^|]*\|)$/

/** @param read reads the parts */
export function readRelation(text: string, read: (part: string) => Answer): Answer | undefined {
  const { parts, separators } = splitOutside(text, relation)
  const [left = '', right = ''] = parts
  const last = parts.at(-1) ?? ''
  const [sign = ''] = separators
  if (sign === '' || parts.includes('')) return undefined
  // Of 3\pi \approx 9.42 the first is exact.
  if (separators.at(-1) === '\\approx' && !(parts.length === 2 && isName(left))) {
    return read(text.slice(0, text.lastIndexOf('\\approx')).trim())
  }
  if (separators.every((one) => one === '=' || one === '\\approx')) {
    if (isName(left)) return named(left, last, read)
    if (parts.length > 2) return undefined
    return plainName.test(right) ? named(right, left, read) : { kind: 'equation', left, right }
  }
  if (sign === '\\in') return parts.length === 2 && isName(left) ? read(right) : undefined
  if (sign === '\\ne') return parts.length === 2 && isName(left) ? without([right]) : undefined
  return readOrder(parts, separators)
}

/** `\mathbb{R}\setminus\{1,2\}`: all numbers but these. */
export function readExcluded(text: string): Answer | undefined {
  const [, excluded] = /^\\mathbb\{R\}\s*\\setminus\s*\\\{(.+)\\\}$/.exec(text) ?? []
  return excluded === undefined ? undefined : without(splitOutside(excluded, /,/y).parts)
}

function isName(text: string): boolean {
  return plainName.test(text) || compoundName.test(text)
}

function named(name: string, latex: string, read: (part: string) => Answer): Answer {
  return { kind: 'named', name: name.replace(/\s+/g, ''), is: read(latex), latex, plain: plainName.test(name) }
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
  return { kind: 'list', items, braces: true }
}

function readOrder(parts: readonly string[], signs: readonly string[]): Answer | undefined {
  const up = signs.every((sign) => sign === '<' || sign === '\\le')
  const down = signs.every((sign) => sign === '>' || sign === '\\ge')
  if (!up && !down) return undefined
  // From the smallest to the largest.
  const [first = '', second = '', third] = up ? parts : parts.toReversed()
  const [low = '', high = ''] = up ? signs : signs.toReversed()
  const open = isStrict(low) ? '(' : '['
  if (third !== undefined) {
    if (parts.length > 3 || !plainName.test(second)) return undefined
    return interval(open, first, third, isStrict(high) ? ')' : ']')
  }
  if (plainName.test(first)) return interval('(', '-\\infty', second, isStrict(low) ? ')' : ']')
  if (plainName.test(second)) return interval(open, first, '\\infty', ')')
  return { kind: 'inequality', larger: second, smaller: first, strict: isStrict(low) }
}

function isStrict(sign: string): boolean {
  return sign === '<' || sign === '>'
}
