/** Writes an answer, LaTeX or plain, in one way: the same commands, no decoration, no ambiguous short forms. */
import { closingBracket, isBracketed } from './brackets.ts'
import { characters, type Rule } from './characters.ts'
import { commandRules } from './command-rules.ts'
import { mixedNumbers, repeatingDecimals, thousands } from './number-forms.ts'
import { functionNames, shortWords, symbolNames } from './vocabulary.ts'
import { isUnitName, unitOf } from './units.ts'

/** Numbers and short forms, after words have been marked. */
const forms: readonly Rule[] = [
  [/(?<![\d.,])(\d{1,3})((?:\{,\}\d{3})+)(?!\d)/g, '$1$2'],
  [/\{,\}/g, ''],
  [/(?<=\d)\s+(?=\d{3}(?!\d))(?<![\d.,]\d{4,}\s+)/g, ''],
  [/\\(frac|binom)\s*([0-9a-zA-Z])\s*([0-9a-zA-Z])(?![^{}]*\}\s*\{)/g, '\\$1{$2}{$3}'],
  [/\\(frac|binom)\s*([0-9a-zA-Z])\s*\{/g, '\\$1{$2}{'],
  [/\\(frac|binom)\s*(\{[^{}]*\})\s*([0-9a-zA-Z])/g, '\\$1$2{$3}'],
  [/\\frac\s*\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}/g, '\\frac{$1}{$2}'],
  [/\\frac\{(-?)([^{}]*)\}\{-(\d+)\}/g, '-\\frac{$1$2}{$3}'],
  [/--\\frac/g, '\\frac'],
  [/\\frac\{-(\d+)\}/g, '-\\frac{$1}'],
  [/--\\frac/g, '\\frac'],
  [/\\sqrt\s*(\[[^\]]*\])?\s*([0-9a-zA-Z])/g, '\\sqrt$1{$2}'],
  [/\{([^{}]+?)\s*\\choose\s*([^{}]+?)\}/g, '\\binom{$1}{$2}'],
  [/\+\s*-/g, '-'],
  [/(^|[([,;]\s*)\+\s*\\infty/g, '$1\\infty'],
  [/(?<=\d)\s*[xX]\s*(?=10\s*\^)/g, '\\times '],
  [/(?<=\S)\s*,?\s*\(?\s*\\text\{\(?(?:or )?(?:about|approximately|roughly)\}\s*(-?\d[\d.]*)\)?$/, ' \\approx $1'],
  [
    /(\d+)\^\{\\circ\}\s*(\d+(?:\.\d+)?)(?:'(?!')|\^\{?\\prime\}?)(?:\s*(\d+(?:\.\d+)?)(?:''|"|\^\{\\prime\s*\\prime\}))?/g,
    (_, whole = '', minutes = '', seconds = '0') =>
      `(${whole}+\\frac{${minutes}}{60}+\\frac{${seconds}}{3600})^{\\circ}`,
  ],
  [/(\d)\s*\\text\{\s*:\s*\}\s*(\d)/g, '$1:$2'],
  [/(?<=\d)\s*\\text\{to\}\s*(?=\d)/g, ':'],
  [/\\text\{(\w+)\}\s*\/\s*(?:\\text\{(\w+)\}|([hs]))$/, '\\text{$1/$2$3}'],
  [/(?<=\d)\s*m\s*\/\s*s$/, '\\text{m/s}'],
  [/([\dA-Fa-f]+)\s*\\text\{\s*(?:in\s+)?base\s*\}\s*(\d+)$/, '$1_{$2}'],
  [/\(\s*\\text\{([^{}]*)\}\s*\)$/, '\\text{($1)}'],
  // ]1,2[
  [/^\]([^[\]]+,[^[\]]+)\[$/, '($1)'],
  [/^\]([^[\]]+,[^[\]]+)\]$/, '($1]'],
  [/^\[([^[\]]+,[^[\]]+)\[$/, '[$1)'],
]

/** One way of writing for everything; what cannot be read stays as it is. */
export function normalizeAnswer(text: string): string {
  const lines = text.replace(/\\\\\s*\[\s*-?[\d.]+\s*(?:pt|e[mx]|[cm]m|in|mu)\s*\]|\\hline(?![a-zA-Z])/g, (found) =>
    found.startsWith('\\\\') ? '\\\\' : ' ',
  )
  const rows = lines.includes('\\begin') ? lines : lines.replace(/\\\\(?=[\s\w-])/g, ', ')
  const formula = withoutBraces(withoutMathMarks(unquoted(applied(rows.trim(), characters))))
  const unmarked = formula.replace(/(?<!\S)\*\*([^*]+)\*\*(?!\S)/g, '$1')
  const plain = unboxed(applied(withFractions(unmarked), commandRules)).replace(
    /^\s*(?:=|\\approx(?![a-zA-Z])|\\equiv(?![a-zA-Z]))/,
    '',
  )
  const answer = applied(plainTexts(markedWords(plainRoots(plain.trim()))), forms)
  return withoutEnd(
    mixedNumbers(repeatingDecimals(thousands(answer)))
      .replace(/\s+/g, ' ')
      .trim(),
  )
}

/** White space becomes one space each time: runs of it take some expressions a time that grows with their square, or worse. */
function applied(text: string, rules: readonly Rule[]): string {
  return rules.reduce((so, [pattern, by]) => {
    const changed = typeof by === 'string' ? so.replace(pattern, by) : so.replace(pattern, by)
    return withoutRuns(changed)
  }, withoutRuns(text))
}

function withoutRuns(text: string): string {
  return text.replace(/\s+/g, ' ')
}

/** Without quotation marks around the whole. */
function unquoted(text: string): string {
  const [, double, single, ticks] = /^(?:"([^"]*)"|'([^']*)'|`+([^`]*)`+)\.?$/.exec(text) ?? []
  return double ?? single ?? ticks ?? text
}

/** Without `$...$`, `\(...\)` and `\[...\]`; a dollar sign that has no partner is money. */
function withoutMathMarks(text: string): string {
  const plain = text.replace(/\\\(|\\\)|\\\[|\\\]/g, ' ')
  const marks = plain.match(/(?<!\\)\$/g)?.length ?? 0
  const unmarked = marks % 2 === 0 ? plain.replace(/(?<!\\)\$/g, ' ') : plain
  return withoutRuns(unmarked.replace(/\\\$/g, '$')).trim()
}

function unboxed(text: string): string {
  const box = /\\f?boxed\s*(?=\{)/.exec(text)
  if (!box) return text
  const from = box.index + box[0].length
  const end = closingBracket(text, from)
  return end === undefined ? text : text.slice(0, box.index) + text.slice(from + 1, end) + text.slice(end + 1)
}

/** `{a \over b}` is `\frac{a}{b}`. */
function withFractions(text: string): string {
  const at = text.search(/\\over(?![a-zA-Z])/)
  if (at < 0) return text
  const end = at + '\\over'.length
  const [from, to] = [outerBrace(text, at - 1, -1), outerBrace(text, end, 1)]
  if (from < 0 !== to >= text.length) return text
  const fraction = `\\frac{${text.slice(from + 1, at).trim()}}{${text.slice(end, to).trim()}}`
  return withFractions(text.slice(0, Math.max(from, 0)) + fraction + text.slice(to + 1))
}

/** Where the brace opens or closes that `at` lies in; a place outside of the text if it lies in none. */
function outerBrace(text: string, at: number, step: 1 | -1): number {
  let depth = 0
  let place = at
  for (; place >= 0 && place < text.length && depth >= 0; place += step) {
    if (text[place - 1] === '\\') continue
    if (text[place] === '{') depth += step
    else if (text[place] === '}') depth -= step
  }
  return depth < 0 ? place - step : place
}

/** `sqrt(2)` is `\sqrt{2}`. */
function plainRoots(text: string): string {
  let so = text
  const root = /\\?sqrt(\[\d\])?\s*\(/
  for (let found = root.exec(so); found; found = root.exec(so)) {
    const from = found.index + found[0].length - 1
    const end = closingBracket(so, from)
    if (end === undefined) return so
    so = `${so.slice(0, found.index)}\\sqrt${found[1] ?? ''}{${so.slice(from + 1, end)}}${so.slice(end + 1)}`
  }
  return so
}

/** Puts bare words into `\text{}`, and gives bare names of functions and symbols their backslash. */
function markedWords(text: string): string {
  if (/^[A-Za-z][A-Za-z .,'-]*$/.test(text) && /[A-Za-z]{3}|^no$/i.test(text) && !isName(text)) return `\\text{${text}}`
  // Commands and what is text already are stepped over.
  const separated = text.replace(/(?<=[)\]}\d]\s*)(?:or|and)(?=\s*[-([{\\\d])/g, ' \\text{$&} ')
  const pieces = /\\text\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|\\.|[A-Za-z]+(?:\.[A-Za-z]\.)?/g
  return separated
    .replace(pieces, (piece, at: number) => {
      if (piece.startsWith('\\')) return piece
      const symbol = symbolNames.get(piece.toLowerCase())
      if (symbol !== undefined) return `${symbol} `
      if (functionNames.has(piece)) return `\\${piece} `
      return isWord(piece, separated.slice(0, at), separated.slice(at + piece.length)) ? `\\text{${piece}}` : piece
    })
    .replace(/\\text\{([^{}]*)\}(?:[ ,]*\\text\{([^{}]*)\})+/g, (run) => `\\text{${run.replace(/\\text\{|\}/g, '')}}`)
}

function isName(text: string): boolean {
  return symbolNames.has(text.toLowerCase()) || functionNames.has(text)
}

function isWord(piece: string, before: string, after: string): boolean {
  if (piece.length < 2) return false
  const isClosed = !/^[\w{_(]/.test(after)
  // Units that no product of variables looks like.
  if (/(?:[\d})]|\\pi)\s*$/.test(before) && /^(?:[cmk]m|k?Hz|mph|kg|mL)$/.test(piece) && isClosed) return true
  // Variables in a formula: e^{-at}.
  if (piece.length === 2 && /(?:[-+*/=<>^_({]|\\[a-z]+)\s*$/.test(before)) return false
  const isShort = shortWords.has(piece.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()))
  const isAlone = !/[\w}^(]$/.test(before) && isClosed && !after.startsWith('^')
  if (isAlone && (piece.length > 3 || isShort || piece.includes('.'))) return true
  return /\d\s*$/.test(before) && isUnitName(piece) && isClosed
}

/** Text that is no word loses its `\text{}`: numbers, one letter in bold, a letter of a choice. */
function plainTexts(text: string): string {
  return text.replace(/\\text\{([^{}]*)\}/g, (_, inside: string, at: number) => {
    const plain = inside.trim()
    if (functionNames.has(plain)) return `\\${plain} `
    const letter = /^\(?[A-Za-z]\)?$/.test(plain)
    // A letter after a number is a unit, as in 5\text{ m}.
    const counted = letter && behindNumber.test(text.slice(0, at)) && !/^[eixyznk]$/.test(plain)
    if (plain === '' || (letter && !counted) || !/\p{L}/u.test(plain) || isFormula(plain)) {
      return /\\[A-Za-z]+$/.test(text.slice(0, at)) ? ` ${plain}` : plain
    }
    const [, number, rest] = /^(\d[\d.,]*)\s+(.*)$/.exec(plain) ?? []
    if (number !== undefined && rest !== undefined) return `${number}\\text{${rest}}`
    return `\\text{${plain.replace(/\s+/g, ' ')}}`
  })
}

/** Behind a number, or another unit. */
const behindNumber = /(?:[\d}]|\\text\{[^{}]*\}(?:\^\{?-?\d\}?)?\s*(?:\\cdot|\/))\s*$/

/** Not only words: `x=5`, but no `m s^-2`. */
function isFormula(text: string): boolean {
  return /[=_\\]/.test(text) || (text.includes('^') && unitOf(text).dimension === undefined)
}

/** How a text can be read: `100,200,300` is one number, and also a list of three. */
export function readings(text: string): readonly string[] {
  const answer = normalizeAnswer(text)
  const bare = text.replace(/[\s${}()\\]/g, '')
  // Brackets make it a point or a set.
  const isList = /^\d{1,3}(?:,[1-9]\d{2})+$/.test(bare) && !/[()]|\\\{/.test(text)
  return isList ? [answer, bare.replaceAll(',', ', ')] : [answer]
}

/** Without a full stop at the end and braces around the whole. */
function withoutEnd(text: string): string {
  return withoutBraces(text.replace(/(?<!\.)[.,;]\s*$/, '').trim())
}

function withoutBraces(text: string): string {
  const whole = text.startsWith('{') && isBracketed(text) && !text.includes('\\choose')
  return whole ? withoutBraces(text.slice(1, -1).trim()) : text
}
