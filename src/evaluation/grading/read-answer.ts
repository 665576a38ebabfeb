/**
 * What an answer is: a value, a set, an interval, a matrix, an equation, words. Reads normalised text; knows nothing of
 * whether two answers agree, and calculates nothing.
 */
import { isBracketed, splitOutside } from './brackets.ts'
import { interval, value, type Answer } from './answer.ts'
import { readMatrix } from './read-matrix.ts'
import { readExcluded, readRelation } from './read-relation.ts'
import { unitOf } from './units.ts'
import { conditionWords, multiples, phrases } from './vocabulary.ts'

const listSeparator = /[,;]\s*(?:\\text\{(?:and|or)\})?|\\text\{(?:and|or)\}|\\(?:land|lor|vee|wedge)(?![a-zA-Z])/y
const union = /\\cup(?![a-zA-Z])/y
const numberWords: ReadonlyMap<string, string> = new Map([
  ['two', '2'],
  ['ten', '10'],
  ['sixteen', '16'],
  ['eight', '8'],
])

/** @param text as `normalizeAnswer` gives it */
export function readAnswer(text: string): Answer {
  const whole = text.trim()
  const matrix = readMatrix(whole)
  if (matrix) return { kind: 'matrix', rows: matrix.map((row) => row.map(readAnswer)) }
  const set = /^\\\{(.*)\\\}$/s.exec(whole)?.[1]
  if (set !== undefined && isBracketed(whole.slice(1))) {
    const [, condition] = /^\s*[A-Za-z](?:\s*\\in\s*\\mathbb\{R\})?\s*[|:](.*)$/s.exec(set) ?? []
    if (condition !== undefined) return readAnswer(condition)
    return { kind: 'list', items: set.trim() === '' ? [] : itemsOf(set), braces: true }
  }
  if (whole === '\\emptyset') return { kind: 'list', items: [], braces: true }
  if (whole === '\\mathbb{R}') return interval('(', '-\\infty', '\\infty', ')')
  const led = /^\\text\{[^{}]*?(?:\b(?:is|are|equals|be)|:)\s*\}\s*(?=.)|^\\text\{[^{}]*\}\s*:\s*(?=.)/.exec(whole)
  if (led) return readAnswer(whole.slice(led[0].length))
  const tuple = readTuple(whole)
  if (tuple) return tuple
  const parts = splitOutside(whole, listSeparator).parts.filter((part) => part !== '')
  if (parts.length > 1) return { kind: 'list', items: parts.map(readAnswer), braces: false }
  const united = splitOutside(whole, union).parts
  if (united.length > 1) return { kind: 'list', items: united.map(readAnswer), braces: true }
  return (
    readExcluded(whole) ??
    readRelation(whole, readAnswer) ??
    readPlusMinus(whole) ??
    readWords(whole) ??
    readValue(whole)
  )
}

function itemsOf(text: string): readonly Answer[] {
  return splitOutside(text, listSeparator).parts.map(readAnswer)
}

function readTuple(text: string): Answer | undefined {
  const open = text.charAt(0)
  const close = text.at(-1)
  if ((open !== '(' && open !== '[') || (close !== ')' && close !== ']') || !isBracketed(text)) return undefined
  const items = itemsOf(text.slice(1, -1))
  if (items.length > 1) return { kind: 'tuple', open, close, items }
  return open === '(' && close === ')' && items[0]?.kind !== 'named' ? items[0] : undefined
}

/** `2\pm\sqrt{3}` is a list of two; all signs of one answer turn together. */
function readPlusMinus(text: string): Answer | undefined {
  if (!/\\(?:pm|mp)(?![a-zA-Z])/.test(text)) return undefined
  const upper = text.replace(/\\pm(?![a-zA-Z])/g, '+').replace(/\\mp(?![a-zA-Z])/g, '-')
  const lower = text.replace(/\\pm(?![a-zA-Z])/g, '-').replace(/\\mp(?![a-zA-Z])/g, '+')
  const items = [upper, lower].map((side) => readAnswer(side.replace(/^\s*\+\s*/, '').replace(/=\s*\+/, '=')))
  return { kind: 'list', items, braces: true }
}

function readWords(text: string): Answer | undefined {
  const [, whole] = /^(?:\\text\{([^{}]*)\})$/.exec(text) ?? []
  if (whole === undefined) return undefined
  const parts = whole.split(/\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+/).filter((part) => part !== '')
  if (parts.length > 1) return { kind: 'list', items: parts.map((part) => wordsOf(part)), braces: false }
  return wordsOf(whole)
}

function wordsOf(text: string): Answer {
  const words = plainWords(text)
  const formula = phrases.get(words)
  if (formula === undefined) return { kind: 'words', text: words }
  return formula.startsWith('\\') || /^\d/.test(formula) ? readAnswer(formula) : { kind: 'words', text: formula }
}

/** Lower case, without articles and punctuation. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/\\text|[^\p{L}\p{N}\s-]/gu, ' ')
    .replace(/\b(?:the|an?)\s+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

function readValue(text: string): Answer {
  const [, digits, base] =
    /^([0-9A-Fa-f]+)_(?:\{?(\d+)\}?|\{\\text\{\w+\}\})$/.exec(
      text.replace(/\\text\{(\w+)\}/, (_, word: string) => numberWords.get(word) ?? word),
    ) ?? []
  if (digits !== undefined && base !== undefined) return { kind: 'based', digits: digits.toUpperCase(), base }
  const ratio = splitOutside(text.replace(/\\text\{[^{}]*\}$/, ''), /:/y).parts
  if (ratio.length > 1) return { kind: 'ratio', parts: [...ratio, ...(/\\text\{[^{}]*\}$/.exec(text) ?? [])] }
  const [, money, amount] = /^(-?\s*[$€£¥₹])\s*(.+)$/.exec(text) ?? []
  if (money !== undefined && amount !== undefined) {
    const sign = money.startsWith('-') ? '-' : ''
    return value(sign + amount.replace(/\\text\{\s*(?:dollars?|euros?)\s*\}$/, '').trim(), unitOf(money.slice(-1)))
  }
  const [, share] = /^(.+?)\s*\\?%$/.exec(text) ?? []
  if (share !== undefined) return value(share, unitOf('%'))
  const [, angle] = /^(.+?)\s*\^\{\\circ\}$/.exec(text) ?? []
  if (angle !== undefined && !/\\circ/.test(angle) && !/[a-zA-Z]/.test(angle.replace(/\\frac/g, ''))) {
    return value(angle, unitOf('°'))
  }
  return readMeasured(text) ?? value(text)
}

/** A value and the words after it. */
function readMeasured(text: string): Answer | undefined {
  const [, amount, words, power] =
    /^(.*[\dA-Za-z})\]!])\s*\\text\{([^{}]*)\}(?:\s*\^\s*\{?\s*([23])\s*\}?)?$/s.exec(text) ?? []
  if (amount === undefined || words === undefined || amount.includes('\\text') || conditionWords.test(words)) {
    return undefined
  }
  const [first = '', ...rest] = words.split(' ')
  const multiple = multiples.get(first)
  if (multiple !== undefined) return value(`(${amount})\\cdot ${multiple}`, unitOf(rest.join(' ')))
  return value(amount, unitOf(words, power))
}
