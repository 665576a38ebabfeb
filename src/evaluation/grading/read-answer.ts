/**
 * What an answer is: a value, a set, an interval, a matrix, an equation, words. Reads normalised text; calculates nothing.
 */
import { isBracketed, splitOutside } from './brackets.ts'
import { interval, value, type Answer, type List } from './answer.ts'
import { changesMeaning } from './counted-things.ts'
import { numberInWords } from './number-words.ts'
import { readMatrix, readDeterminant } from './read-matrix.ts'
import { readMeasured } from './read-measured.ts'
import { readExcluded, readRelation } from './read-relation.ts'
import { areLeadingWords, phrases } from './vocabulary.ts'

const comma = /,\s*(?:\\text\{(?:and|or)\})?|\\text\{(?:and|or)\}|\\(?:land|lor|vee|wedge)(?![a-zA-Z])/y
const semicolon = /;\s*(?:\\text\{(?:and|or)\})?/y
const union = /\\cup(?![a-zA-Z])/y
/** `x=1 y=2`: a second equation begins without a comma. */
const nextEquation = /(=[^=,;]*[\w})\]])(?<!\\text\{\w+\})\s+(?=(?:[A-Za-z]|\\[a-z]+)(?:_(?:\w|\{[^{}]*\}))?\s*=)/g

/** @param text as `normalizeAnswer` gives it */
export function readAnswer(text: string): Answer {
  const whole = text.trim().replace(nextEquation, '$1, ')
  const determinant = readDeterminant(whole)
  if (determinant !== undefined) return value(determinant)
  const matrix = readMatrix(whole)
  if (matrix) return { kind: 'matrix', rows: matrix.map((row) => row.map(readAnswer)) }
  const set = /^\\\{(.*)\\\}$/s.exec(whole)?.[1]
  if (set !== undefined && isBracketed(whole.slice(1))) return readSet(set)
  if (whole === '\\emptyset') return { kind: 'list', items: [], braces: true }
  if (whole === '\\mathbb{R}') return interval('(', '-\\infty', '\\infty', ')')
  return readChoice(whole) ?? readLed(whole) ?? readTuple(whole) ?? readList(whole) ?? readOne(whole)
}

function readOne(text: string): Answer {
  return (
    readExcluded(text) ??
    (/\\(?:ne|le|ge)(?![a-z])|[<>]/.test(text) ? undefined : readPlusMinus(text)) ??
    readRelation(text, readAnswer) ??
    readWords(text) ??
    readBased(text) ??
    readRatio(text) ??
    readMeasured(text)
  )
}

function readSet(inside: string): Answer {
  const [, name = '', condition] = /^\s*([A-Za-z])(?:\s*\\in\s*\\mathbb\{R\})?\s*[|:](.*)$/s.exec(inside) ?? []
  if (condition !== undefined) {
    const [, formula, rest] = new RegExp(String.raw`^\s*${name}\s*=([^,]*),(.*)$`, 's').exec(condition) ?? []
    return formula === undefined || rest === undefined ? readAnswer(condition) : family(formula, rest)
  }
  const [formula, index, ...more] = splitOutside(inside, /[|:]/y).parts
  if (formula !== undefined && index?.includes('\\in') && more.length === 0) return family(formula, index)
  return { kind: 'list', items: inside.trim() === '' ? [] : withBothSigns(itemsOf(inside), inside), braces: true }
}

function family(formula: string, condition: string): Answer {
  const domain = condition.replace(/\\in\s*(?:\\mathbb\s*\{\s*)?([ZNRQC])\s*\}?/g, '\\in $1')
  return { kind: 'family', latex: formula.trim(), condition: domain.replace(/\s+/g, '') }
}

function itemsOf(text: string): readonly Answer[] {
  const { parts } = splitOutside(text, semicolon)
  return (parts.length > 1 ? parts : splitOutside(text, comma).parts).map(readAnswer)
}

/** `\pm 1` among others is two of them. */
function withBothSigns(items: readonly Answer[], text: string): readonly Answer[] {
  if (!/\\pm(?![a-zA-Z])/.test(text)) return items
  return items.flatMap((item) => (item.kind === 'list' && item.braces && !item.joined ? item.items : [item]))
}

/** Several answers. Semicolons separate lists. */
function readList(text: string): Answer | undefined {
  const groups = splitOutside(text, semicolon).parts.filter((part) => part !== '')
  if (groups.length > 1) return { kind: 'list', items: groups.map(readAnswer), braces: false }
  const alternatives = splitOutside(text, /\\text\{or\}|\\lor(?![a-zA-Z])/y).parts
  if (alternatives.length > 1 && alternatives.every(isSystem)) {
    return { kind: 'list', items: alternatives.map(readAnswer), braces: false }
  }
  const { parts, separators } = splitOutside(text, comma)
  const isExcluding = (part: string) => /\\ne(?![a-zA-Z])/.test(part)
  const [first = '', ...others] = parts
  if (others.length > 0 && isExcluding(first) && others.every((part) => /^[-\d]/.test(part)))
    return readRelation(text, readAnswer)
  const items = parts.filter((part) => part !== '')
  if (items.length > 1)
    return {
      kind: 'list',
      items: withBothSigns(items.map(readAnswer), text),
      braces: false,
      joined: parts.some(isExcluding) && parts.every(isCondition) ? 'all' : joinedBy(separators),
    }
  const united = splitOutside(text, union).parts
  if (united.length > 1) {
    const sets = united.map(readAnswer)
    const members = sets.flatMap((set) => (set.kind === 'list' && set.braces && !set.joined ? set.items : [set]))
    return { kind: 'list', items: members, braces: true, joined: 'any' }
  }
  const common = splitOutside(text, /\\cap(?![a-zA-Z])/y).parts
  return common.length > 1 ? { kind: 'list', items: common.map(readAnswer), braces: true, joined: 'all' } : undefined
}

function isCondition(text: string): boolean {
  return /[<>]|\\(?:[lg]e|ne)(?![a-zA-Z])/.test(text)
}

/** `x=1, y=2` */
function isSystem(text: string): boolean {
  const { parts } = splitOutside(text, /,/y)
  return parts.length > 1 && parts.every((part) => part.includes('='))
}

function joinedBy(separators: readonly string[]): List['joined'] {
  const all = separators.every((one) => /and|\\land|\\wedge/.test(one))
  if (all) return 'all'
  return separators.every((one) => /or|\\lor|\\vee/.test(one)) ? 'any' : undefined
}

/** `A. 5`, `(A) 5`, `(A)`: the letter of a choice and what it says. */
function readChoice(text: string): Answer | undefined {
  const plain = text.replace(/^\\text\{\s*(\(?[A-J]\)?[.:)]?)\s*\}/, '$1 ')
  const [, bracketed, marked, rest = ''] = /^(?:\(([A-J])\)|([A-J])(?:[.)]\s*|:\s+))\s*(.+)$/s.exec(plain) ?? []
  const letter = bracketed ?? marked
  if (letter === undefined || /^[-+*/^_=,;()<>!']|^\\(?:text\{(?:and|or)|cdot|times|c[ua]p)/.test(rest))
    return undefined
  return { kind: 'choice', letter, is: readAnswer(rest) }
}

/** Words before an answer: `the answer is 5`, `Maximum: 5`, `negative 5`. */
function readLed(text: string): Answer | undefined {
  const [led = '', inside = '', colon = ''] = /^\\text\{([^{}]*)\}\s*(:?)\s*(?=\S)/.exec(text) ?? []
  if (led === '') return undefined
  const words = inside.toLowerCase().trim()
  const rest = text.slice(led.length)
  if (/^(?:negative|minus)$/.test(words)) return readAnswer(`-${rest}`)
  if (areLeadingWords(words)) return readAnswer(rest)
  if (/^all real(?: number|)s(?: x)? except(?: for)?$/.test(words))
    return readAnswer(`\\mathbb{R} \\setminus \\{${rest}\\}`)
  const [, label] = /^(.*?)\s*(?::|\b(?:is|are|equals|be))$/.exec(words) ?? (colon === '' ? [] : [words, words])
  // Several labels are several answers.
  if (label === undefined || changesMeaning(words) || /\\text\{[^{}]*(?::|\b(?:is|are))\s*\}/.test(rest))
    return undefined
  const name = plainWords(label)
  return { kind: 'named', name: `\\text{${name}}`, is: readAnswer(rest), latex: rest, plain: true }
}

function readTuple(text: string): Answer | undefined {
  const open = text.charAt(0)
  const close = text.at(-1)
  if ((open !== '(' && open !== '[') || (close !== ')' && close !== ']') || !isBracketed(text)) return undefined
  const items = itemsOf(text.slice(1, -1))
  if (items.length > 1 && open === '[' && items.every((item) => isRow(item))) {
    return { kind: 'matrix', rows: items.map((item) => (item.kind === 'tuple' ? item.items : [])) }
  }
  if (items.length > 1) return { kind: 'tuple', open, close, items }
  return open === '(' && close === ')' && items[0]?.kind !== 'named' ? items[0] : undefined
}

function isRow(item: Answer): boolean {
  return item.kind === 'tuple' && item.open === '[' && item.close === ']'
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
  const number = numberInWords(plainWords(whole))
  if (number !== undefined) return readAnswer(number)
  const parts = whole.split(/\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or)\s+/).filter((part) => part !== '')
  if (parts.length > 1) return { kind: 'list', items: parts.map((part) => wordsOf(part)), braces: false }
  return wordsOf(whole)
}

function wordsOf(text: string): Answer {
  const words = plainWords(text)
  if (/^\s*\(?[A-J]\)?\s*$/.test(text)) return value(text.replace(/[\s()]/g, ''))
  const formula = phrases.get(words) ?? numberInWords(words)
  if (formula === undefined) return { kind: 'words', text: words }
  return /^[\\\d-]/.test(formula) ? readAnswer(formula) : { kind: 'words', text: formula }
}

/** Lower case, without articles and marks that only punctuate. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/\\text|[{}.,;:!?"'()$\\]/g, ' ')
    .replace(/(?<=\p{L})-(?=\p{L})/gu, ' ')
    .replace(/\b(?:the|an?)\s+/g, '')
    .replace(/\s+/g, ' ')
    .trim()
}

/** `1010_2`, `1010_{\text{two}}` */
function readBased(text: string): Answer | undefined {
  const digital = text.replace(/\\text\{(\w+)\}/, (_, word: string) => numberInWords(word) ?? word)
  const [, digits, base] = /^\(?([0-9A-Fa-f]+)\)?_(?:\{?\(?(\d+)\)?\}?|\{\\text\{\w+\}\})$/.exec(digital) ?? []
  if (digits === undefined || base === undefined || !/\d/.test(digits)) return undefined
  return { kind: 'based', digits: digits.toUpperCase(), base }
}

function readRatio(text: string): Answer | undefined {
  const [words] = /\\text\{[^{}]*\}$/.exec(text) ?? []
  const { parts } = splitOutside(text.slice(0, text.length - (words?.length ?? 0)), /:/y)
  return parts.length > 1 ? { kind: 'ratio', parts: words === undefined ? parts : [...parts, words] } : undefined
}
