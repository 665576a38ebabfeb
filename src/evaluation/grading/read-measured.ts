/**
 * Numbers with something around them: units, money, percent, what is counted, a modulus, words before and behind.
 */
import { value, type Answer } from './answer.ts'
import { closingBracket } from './brackets.ts'
import { multipleOf, numberInWords } from './number-words.ts'
import { unitOf, type Unit } from './units.ts'
import { trailingWords } from './vocabulary.ts'

/** @param text a formula, perhaps with `\text{}` behind it */
export function readMeasured(text: string): Answer {
  return (
    readModulus(text) ?? readOrdinal(text) ?? readMoney(text) ?? readDescribed(text) ?? readMarked(text) ?? value(text)
  )
}

/** `42 \pmod{100}` */
function readModulus(text: string): Answer | undefined {
  const [, amount, modulus] =
    /^(.+?)\s*\(?\s*(?:\\pmod|\\bmod|\\mod|\\text\{mod\}|\(\s*\\text\{mod\})\s*\{?\s*(\d+)\s*\}?\s*\)*$/.exec(text) ??
    []
  if (amount === undefined || modulus === undefined || /^\\bmod/.test(amount)) return undefined
  // 5 mod 3 is 2.
  if (/^\d+$/.test(amount) && BigInt(amount) >= BigInt(modulus) && BigInt(modulus) > 0n)
    return value((BigInt(amount) % BigInt(modulus)).toString())
  return value(amount, { dimension: `modulo ${modulus}`, factor: '1', words: '' })
}

/** `42^{\text{th}}` */
function readOrdinal(text: string): Answer | undefined {
  const [, amount] = /^(\d+)\s*(?:\^\s*\{?\s*)?\\text\{\s*(?:st|nd|rd|th)\s*\}\s*\}?$/.exec(text) ?? []
  return amount === undefined ? undefined : value(amount)
}

function readMoney(text: string): Answer | undefined {
  const [, sign = '', mark, amount, behind = ''] =
    /^(-?)\s*([$€£¥₹])\s*(.+)$/.exec(text) ?? /^(-?)()(.+?)\s*([$€£¥₹])$/.exec(text) ?? []
  if (mark === undefined || amount === undefined) return undefined
  const unit = unitOf(mark === '' ? behind : mark)
  const inside = readMeasured(amount.trim())
  if (inside.kind !== 'value') return undefined
  if (!inside.unit) return value(sign + inside.latex, unit)
  return inside.unit.dimension === unit.dimension ? value(sign + inside.latex, inside.unit) : undefined
}

/** An amount and `\text{}` behind it. */
function readDescribed(text: string): Answer | undefined {
  const at = outsideText(text)
  const amount = text.slice(0, at).trim()
  if (at < 0 || !/[\dA-Za-z})\]!%|]$/.test(amount)) return undefined
  const tail = plainTail(text.slice(at))
  return tail === undefined ? undefined : described(amount, tail)
}

/** Where the first `\text` outside of braces begins; -1 if there is none. */
function outsideText(text: string): number {
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith('\\text{', at)) return at
    if (text.charAt(at) === '{' && text.charAt(at - 1) !== '\\') at = closingBracket(text, at) ?? text.length
  }
  return -1
}

/** What stands behind an amount as plain words and units; undefined if there is more than that. */
function plainTail(text: string): string | undefined {
  const plain = text
    .replace(/\\text\{([^{}]*)\}/g, ' $1 ')
    .replace(/\\(?:cdot|times)(?![A-Za-z])/g, ' ')
    .replace(/\s*\^\s*(?:\{\s*([-+]?\d)\s*\}|(\d))/g, (_, long?: string, short = '') => `^${long ?? String(short)}`)
    .replace(/\^\{\\circ\}\s*/g, '°')
    .replace(/\s+/g, ' ')
    .trim()
  return /^[\p{L}\p{N}\s.,'"()/^°%$€£¥Ω·⋅*-]+$/u.test(plain) ? plain : undefined
}

function described(amount: string, tail: string): Answer | undefined {
  const [first = '', ...rest] = tail.split(' ')
  const multiple = multipleOf(first.toLowerCase())
  if (multiple !== undefined) {
    const whole = `(${amount})\\cdot ${multiple}`
    return rest.length === 0 ? value(whole) : described(whole, rest.join(' '))
  }
  if (/(?:^|\s)\d/.test(tail)) return mixed(amount, tail)
  if (trailingWords.test(tail.toLowerCase().replace(/[()]/g, '')) || isRepetition(amount, tail))
    return readMeasured(amount)
  const unit = unitOf(tail)
  const inner = readMeasured(amount)
  if (inner.kind !== 'value') return undefined
  // Words behind a unit: 10\% increase.
  if (inner.unit) return value(inner.latex, { ...inner.unit, words: `${inner.unit.words} ${tail}`.trim() })
  return value(amount, unit)
}

/** `1 hour 30 minutes` */
function mixed(amount: string, tail: string): Answer | undefined {
  const [, large = '', rest = '', small = ''] = /^([^\d]+?),?\s+(?:and\s+)?(\d+(?:\.\d+)?)\s+([^\d]+)$/.exec(tail) ?? []
  const [a, b] = [unitOf(large), unitOf(small)]
  if (a.dimension === undefined || a.dimension !== b.dimension || a.factor === b.factor) return undefined
  return value(`(${amount})\\cdot${a.factor}+${rest}\\cdot${b.factor}`, { ...a, factor: '1' })
}

/** `42 (forty-two)` */
function isRepetition(amount: string, tail: string): boolean {
  const [, inside] = /^\(([^()]*)\)$/.exec(tail) ?? []
  return inside !== undefined && numberInWords(inside) === amount
}

/** Percent and degrees. */
function readMarked(text: string): Answer | undefined {
  const [, share] = /^(.+?)\s*\\?%$/.exec(text) ?? []
  if (share !== undefined) return value(share, unitOf('%'))
  const [, angle, scale] = /^(.+?)\s*\^\{\\circ\}\s*([CF]?)$/.exec(text) ?? []
  if (angle === undefined || /\\circ|[a-zA-Z]/.test(angle.replace(/\\(?:frac|sqrt|pi)/g, ''))) return undefined
  const unit: Unit = unitOf(scale ? `°${scale}` : '°')
  return value(angle, unit)
}
