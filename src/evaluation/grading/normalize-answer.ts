/**
 * Writes an answer, LaTeX or plain, in one way: the same commands, no decoration, no ambiguous short forms. Knows nothing
 * of what an answer is (a set, an interval, a number) or of other answers.
 */
import { closingBracket, isBracketed } from './brackets.ts'
import { functionNames, shortWords, symbolNames } from './vocabulary.ts'
import { isUnitName } from './units.ts'

type Rule = readonly [pattern: RegExp, replacement: string]

/** Characters that LaTeX writes as commands. */
const characters: readonly Rule[] = [
  [/[\u2212\u2013\u2010\u2011]/g, '-'],
  [/\u00D7/g, '\\times '],
  [/[\u00B7\u22C5]/g, '\\cdot '],
  [/\u00F7/g, '/'],
  [/\u03C0/g, '\\pi '],
  [/\u03B8/g, '\\theta '],
  [/\u221E/g, '\\infty '],
  [/\u2264/g, '\\le '],
  [/\u2265/g, '\\ge '],
  [/\u2260/g, '\\ne '],
  [/\u2248/g, '\\approx '],
  [/\u00B1/g, '\\pm '],
  [/\u222A/g, '\\cup '],
  [/\u2229/g, '\\cap '],
  [/\u2208/g, '\\in '],
  [/\u2205/g, '\\emptyset '],
  [/\u211D/g, '\\mathbb{R}'],
  [/\u00B0/g, '^\\circ '],
  [/\u221A\s*\(/g, 'sqrt('],
  [/\u221A\s*(\d+|\p{L})/gu, '\\sqrt{$1}'],
  [/\u221A/g, '\\sqrt'],
  [/\u00B2/g, '^{2}'],
  [/\u00B3/g, '^{3}'],
  [/\u00BD/g, '\\frac{1}{2}'],
  [/\u00BC/g, '\\frac{1}{4}'],
  [/\u00BE/g, '\\frac{3}{4}'],
  [/[\u2018\u2019\u2032]/g, "'"],
  [/[\u00A0\u2009\u202F]/g, ' '],
]

/** What only changes how a formula looks, and other names of the same command. */
const commands: readonly Rule[] = [
  [/\\(?:left|right)\s*\./g, ''],
  [/\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|hfill|rm|bf|it)(?![a-zA-Z])/g, ''],
  [/(?<=\d),?\\[!,]\s*,?(?=\d{3}(?!\d))/g, ''],
  [/\\!/g, ''],
  [/\\(?:underline|underbrace|mathop|textcolor\s*\{\w+\}|color\s*\{\w+\})\s*(?=\{)/g, ''],
  [/(?<!\\)\\[,;:> ]|~|\\q?quad(?![a-zA-Z])|(?<!\\)\\(?=\s)/g, ' '],
  [/\\[dtc]frac(?![a-zA-Z])/g, '\\frac'],
  [/\\[dt]binom(?![a-zA-Z])/g, '\\binom'],
  [/\\leq?(?:slant)?(?![a-zA-Z])|<=/g, '\\le '],
  [/\\geq?(?:slant)?(?![a-zA-Z])|>=/g, '\\ge '],
  [/\\neq?(?![a-zA-Z])|!=|\\not\s*=/g, '\\ne '],
  [/\\lt(?![a-zA-Z])/g, '<'],
  [/\\gt(?![a-zA-Z])/g, '>'],
  [/\\lbrace(?![a-zA-Z])/g, '\\{'],
  [/\\rbrace(?![a-zA-Z])/g, '\\}'],
  [/\\(?:langle|lparen)(?![a-zA-Z])/g, '('],
  [/\\(?:rangle|rparen)(?![a-zA-Z])/g, ')'],
  [/\\lbrack(?![a-zA-Z])/g, '['],
  [/\\rbrack(?![a-zA-Z])/g, ']'],
  [/\\[lr]?[vV]ert(?![a-zA-Z])|\\mid(?![a-zA-Z])/g, '|'],
  [/\\(?:varnothing|O)(?![a-zA-Z])|\\\{\s*\\\}/g, '\\emptyset '],
  [/\\(?:mathbb|mathbf|Bbb)\s*(?:\{\s*R\s*\}|R(?![a-zA-Z]))|\\R(?![a-zA-Z])|\\reals(?![a-zA-Z])/g, '\\mathbb{R}'],
  [/\\(?:backslash|smallsetminus)(?![a-zA-Z])/g, '\\setminus '],
  [/\\(?:ldots|cdots|dotsc|dotsb|dots)(?![a-zA-Z])/g, '\\ldots '],
  [/(?:\{\s*\})?\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))|\\degree(?![a-zA-Z])/g, '^{\\circ}'],
  [/\\div(?![a-zA-Z])/g, '/'],
  [/\\ast(?![a-zA-Z])|(?<!\*)\*(?!\*)/g, '\\cdot '],
  [/\*\*/g, '^'],
  [/\\(?:overline|bar|dot)\{?(AB|BC|CD|AC|BD|[A-Z]{2})\}?/g, '$1'],
  [/\\(?:text(?:bf|it|rm|normal|sf|tt)?|mbox|hbox|math(?:rm|bf|it|sf)|bm|boldsymbol|operatorname\*?)\s*\{/g, '\\text{'],
  [/\\text\{\s*cis\s*\}(.+)$/, 'e^{i($1)}'],
]

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
  [/\+\s*\\infty/g, '\\infty'],
  [/(\d)\s*\\text\{\s*:\s*\}\s*(\d)/g, '$1:$2'],
  [/(?<=\d)\s*\\text\{to\}\s*(?=\d)/g, ':'],
  [/\\text\{(\w+)\}\s*\/\s*(?:\\text\{(\w+)\}|([hs]))$/, '\\text{$1/$2$3}'],
  [/(?<=\d)\s*m\s*\/\s*s$/, '\\text{m/s}'],
]

/** One way of writing for everything; what cannot be read stays as it is. */
export function normalizeAnswer(text: string): string {
  let answer = withoutBraces(withoutMathMarks(applied(text.trim(), characters)))
  answer = unboxed(applied(answer.replace(/(?<!\S)\*\*([^*]+)\*\*(?!\S)/g, '$1'), commands))
  answer = applied(plainTexts(markedWords(plainRoots(answer))), forms)
  answer = mixedNumbers(repeatingDecimals(thousands(answer)))
  return withoutEnd(answer.replace(/\s+/g, ' ').trim())
}

function applied(text: string, rules: readonly Rule[]): string {
  return rules.reduce((so, [pattern, replacement]) => so.replace(pattern, replacement), text)
}

/** Without `$...$`, `\(...\)` and `\[...\]`; a dollar sign that has no partner is money. */
function withoutMathMarks(text: string): string {
  const plain = text.replace(/\\\(|\\\)|\\\[|\\\]/g, ' ')
  const marks = plain.match(/(?<!\\)\$/g)?.length ?? 0
  const unmarked = marks % 2 === 0 ? plain.replace(/(?<!\\)\$/g, ' ') : plain
  return unmarked.replace(/\\\$/g, '$').trim()
}

function unboxed(text: string): string {
  const box = /\\f?boxed\s*(?=\{)/.exec(text)
  if (!box) return text
  const from = box.index + box[0].length
  const end = closingBracket(text, from)
  return end === undefined ? text : text.slice(0, box.index) + text.slice(from + 1, end) + text.slice(end + 1)
}

/** `sqrt(2)` is `\sqrt{2}`. */
function plainRoots(text: string): string {
  let so = text
  for (let found = /\\?sqrt\s*\(/.exec(so); found; found = /\\?sqrt\s*\(/.exec(so)) {
    const from = found.index + found[0].length - 1
    const end = closingBracket(so, from)
    if (end === undefined) return so
    so = `${so.slice(0, found.index)}\\sqrt{${so.slice(from + 1, end)}}${so.slice(end + 1)}`
  }
  return so
}

/** Puts bare words into `\text{}`, and gives bare names of functions and symbols their backslash. */
function markedWords(text: string): string {
  if (/^[A-Za-z][A-Za-z .,'-]*$/.test(text) && /[A-Za-z]{3}|^no$/i.test(text) && !isName(text)) return `\\text{${text}}`
  // Commands and what is text already are stepped over.
  const pieces = /\\text\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}|\\[A-Za-z]+|\\.|[A-Za-z]+(?:\.[A-Za-z]\.)?/g
  return text
    .replace(pieces, (piece, at: number) => {
      if (piece.startsWith('\\')) return piece
      const symbol = symbolNames.get(piece.toLowerCase())
      if (symbol !== undefined) return `${symbol} `
      if (functionNames.has(piece)) return `\\${piece} `
      return isWord(piece, text.slice(0, at), text.slice(at + piece.length)) ? `\\text{${piece}}` : piece
    })
    .replace(/\\text\{([^{}]*)\}(?:[ ,]*\\text\{([^{}]*)\})+/g, (run) => `\\text{${run.replace(/\\text\{|\}/g, '')}}`)
}

function isName(text: string): boolean {
  return symbolNames.has(text.toLowerCase()) || functionNames.has(text)
}

function isWord(piece: string, before: string, after: string): boolean {
  if (piece.length < 2) return false
  const alone = !/[\w}^(]$/.test(before) && !/^[\w{^_(]/.test(after)
  if (alone && (piece.length > 3 || shortWords.has(piece) || piece.includes('.'))) return true
  return /\d\s*$/.test(before) && isUnitName(piece) && !/^[\w{_(]/.test(after)
}

/** Text that is no word loses its `\text{}`: numbers, one letter in bold, a letter of a choice. */
function plainTexts(text: string): string {
  return text.replace(/\\text\{([^{}]*)\}/g, (_, inside: string, at: number) => {
    const plain = inside.trim()
    const letter = /^\(?[A-Za-z]\)?$/.test(plain)
    // A letter after a number is a unit, as in 5\text{ m}.
    const counted = letter && /[\d}]\s*$/.test(text.slice(0, at)) && !/^[eixyznk]$/.test(plain)
    if (plain === '' || (letter && !counted) || !/\p{L}/u.test(plain) || /[=^_\\]/.test(plain)) return plain
    const [, number, rest] = /^(\d[\d.,]*)\s+(.*)$/.exec(plain) ?? []
    if (number !== undefined && rest !== undefined) return `${number}\\text{${rest}}`
    return `\\text{${plain.replace(/\s+/g, ' ')}}`
  })
}

/** `1,000` and `1,234,567.8` as a whole answer, or behind money's sign or a name, are one number. */
function thousands(text: string): string {
  return text.replace(
    /(^|[=$€£]\s*|-)(\d{1,3}(?:,\d{3})+)(\.\d+)?(?=\s*(?:$|\\text|\\?%|\.$))/g,
    (_, before: string, whole: string, part = '') => before + whole.replaceAll(',', '') + String(part),
  )
}

/** `0.1\overline{6}` and `0.1666...` are `\frac{15}{90}`. */
function repeatingDecimals(text: string): string {
  return text
    .replace(
      /(\d+)\.(\d*)\\(?:overline|bar|dot)\s*(?:\{(\d+)\}|(\d))/g,
      (_, whole: string, fixed: string, many?: string, one = '') => fractionOf(whole, fixed, many ?? String(one)),
    )
    .replace(/(\d+)\.(\d*?)(\d)\3{2,}\s*(?:\.{3}|\\ldots)/g, (_, whole: string, fixed: string, digit: string) =>
      fractionOf(whole, fixed, digit),
    )
}

function fractionOf(whole: string, fixed: string, repeated: string): string {
  const all = BigInt(whole + fixed + repeated) - BigInt(whole + fixed)
  return `\\frac{${all}}{${'9'.repeat(repeated.length)}${'0'.repeat(fixed.length)}}`
}

/** `1\frac{1}{2}` and `1 1/2` are `(1+\frac{1}{2})`. Only a proper fraction makes a mixed number. */
function mixedNumbers(text: string): string {
  const start = String.raw`(?<![\w.}\\^)!])(\d+)`
  const mixed = (all: string, whole: string, above: string, below: string) =>
    BigInt(above) < BigInt(below) ? `(${whole}+\\frac{${above}}{${below}})` : all
  return text
    .replace(new RegExp(String.raw`${start}\s*\\frac\{(\d+)\}\{(\d+)\}`, 'g'), mixed)
    .replace(new RegExp(String.raw`${start}\s+(\d+)\/(\d+)(?!\d)`, 'g'), mixed)
}

/** How a text can be read: `100,200,300` is one number, and also a list of three. */
export function readings(text: string): readonly string[] {
  const answer = normalizeAnswer(text)
  const bare = text.replace(/[\s${}()\\]/g, '')
  return /^\d{1,3}(?:,[1-9]\d{2})+$/.test(bare) ? [answer, bare.replaceAll(',', ', ')] : [answer]
}

/** Without a full stop at the end and braces around the whole. */
function withoutEnd(text: string): string {
  return withoutBraces(text.replace(/(?<!\.)[.,;]\s*$/, '').trim())
}

function withoutBraces(text: string): string {
  const whole = text.startsWith('{') && isBracketed(text) && !text.includes('\\choose')
  return whole ? withoutBraces(text.slice(1, -1).trim()) : text
}
