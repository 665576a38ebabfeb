/**
 * A template's text to the library's tokens. White space around blocks, `raw`, and texts in quotes are as Jinja has them, with
 * `trim_blocks` and `lstrip_blocks` as transformers sets them.
 */
import { tokenize, type Token } from './library.ts'
import { isSpace, strip } from './text.ts'

/** Begins a filter's name that stands for a test: the library's grammar has no arguments for tests. */
export const testMark = 'is '
export const negatedTestMark = 'is not '

/** @throws SyntaxError */
export function tokensOf(template: string): Token[] {
  const source = template.replace(/\r\n?/g, '\n').replace(/\n$/, '')
  const tokens: Token[] = []
  const addText = (value: string) => value !== '' && tokens.push({ type: 'Text', value })
  let position = 0
  let atLineStart = true
  for (let begin = blockBegin(source, position); begin; begin = blockBegin(source, position)) {
    addText(textBefore(source.slice(position, begin.index), begin, atLineStart))
    const inside = begin.index + begin[0].length
    const end =
      begin.kind === '#' ? commentEnd(source, inside) : begin.isRaw ? undefined : blockEnd(source, inside, begin.kind)
    if (begin.isRaw) {
      const raw = rawEnd(source, inside)
      addText(raw.text)
      position = raw.position
    } else if (end) {
      const code = source.slice(inside, end.index)
      if (begin.kind !== '#' && !/^\s*(?:end)?generation\s*$/.test(code)) {
        tokens.push(...withTests(tokenize(begin.kind === '%' ? `{% ${quoted(code)} %}` : `{{ ${quoted(code)} }}`)))
      }
      position = end.index + end[0].length
    }
    atLineStart = source.charAt(position - 1) === '\n'
  }
  addText(source.slice(position))
  return tokens
}

interface BlockBegin {
  readonly 0: string
  readonly index: number
  readonly kind: '{' | '%' | '#'
  readonly sign: string
  readonly isRaw: boolean
}

function blockBegin(source: string, from: number): BlockBegin | undefined {
  const begins = /\{(?:%([-+]?)\s*(raw)\s*(?:-%\}\s*|%\})|([%{#])([-+]?))/g
  begins.lastIndex = from
  const found = begins.exec(source)
  if (!found) return undefined
  const kind = (found[3] ?? '%') as BlockBegin['kind']
  return { 0: found[0], index: found.index, kind, sign: found[1] ?? found[4] ?? '', isRaw: found[2] !== undefined }
}

/** The text before a block, without the white space that the block takes away. */
function textBefore(text: string, { kind, sign }: Pick<BlockBegin, 'kind' | 'sign'>, atLineStart: boolean): string {
  if (sign === '-') return strip(text, undefined, 'end')
  if (sign === '+' || kind === '{') return text
  const lineStart = text.lastIndexOf('\n') + 1
  const isIndentation = (lineStart > 0 || atLineStart) && isSpace(text.slice(lineStart))
  return isIndentation ? text.slice(0, lineStart) : text
}

function commentEnd(source: string, from: number): RegExpExecArray {
  const ends = /\+#\}|-#\}\s*|#\}\n?/g
  ends.lastIndex = from
  const found = ends.exec(source)
  if (!found) throw new SyntaxError('a comment is not closed')
  return found
}

function rawEnd(source: string, from: number): { readonly text: string; readonly position: number } {
  const ends = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g
  ends.lastIndex = from
  const found = ends.exec(source)
  if (!found) throw new SyntaxError('"raw" is not closed')
  const text = textBefore(source.slice(from, found.index), { kind: '%', sign: found[1] ?? '' }, false)
  return { text, position: found.index + found[0].length }
}

const quotedText = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/g
const opening: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' }

/** The end of a block: not within quotes, nor within brackets. */
function blockEnd(source: string, from: number, kind: '{' | '%'): RegExpExecArray {
  const parts = new RegExp(
    `${quotedText.source}|(${kind === '%' ? '\\+%\\}|-%\\}\\s*|%\\}\\n?' : '-\\}\\}\\s*|\\}\\}'})|[()[\\]{}]`,
    'g',
  )
  parts.lastIndex = from
  const open: string[] = []
  for (let found = parts.exec(source); found; found = parts.exec(source)) {
    const part = found[0]
    if (found[1] !== undefined && open.length === 0) return found
    if (found[1] !== undefined) parts.lastIndex = found.index + 1
    const bracket = part.charAt(0) === '-' || part.charAt(0) === '+' ? '' : part.charAt(0)
    if ('([{'.includes(bracket) && bracket !== '') open.push(bracket)
    else if (opening[bracket] !== undefined && open.pop() !== opening[bracket])
      throw new SyntaxError(`"${bracket}" closes nothing`)
  }
  throw new SyntaxError('it ends within a block')
}

/** Texts in quotes, with Python's escapes, as the library reads them. */
function quoted(code: string): string {
  return code.replace(quotedText, (text) => `'${unescaped(text.slice(1, -1)).replace(/[\\'\n\r]/g, escaped)}'`)
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : character === '\r' ? '\\r' : `\\${character}`
}

const simpleEscapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}
function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{1,3})|([\s\S]))/gi,
    (all, ...groups: unknown[]) => {
      const [x, u, wide, octal, other] = groups as (string | undefined)[]
      const hexadecimal = x ?? u ?? wide
      if (hexadecimal !== undefined) return String.fromCodePoint(Number.parseInt(hexadecimal, 16))
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8))
      return simpleEscapes[other ?? ''] ?? all
    },
  )
}

/** `x is [not] test(argument)` and `x is [not] test argument` as filters. */
function withTests(tokens: readonly Token[]): Token[] {
  const result: Token[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token
    const isNegated = tokens[i + 1]?.type === 'Identifier' && tokens[i + 1]?.value === 'not'
    const name = tokens[i + (isNegated ? 2 : 1)]
    if (!isName(token, 'is') || name?.type !== 'Identifier') {
      result.push(token)
      continue
    }
    i += isNegated ? 2 : 1
    result.push({ type: 'Pipe', value: '|' })
    result.push({ type: 'Identifier', value: (isNegated ? negatedTestMark : testMark) + name.value })
    const end = argumentEnd(tokens, i + 1)
    if (tokens[i + 1]?.type === 'OpenParen' || end === i + 1) continue
    const argument = withTests(tokens.slice(i + 1, end))
    result.push({ type: 'OpenParen', value: '(' }, ...argument, { type: 'CloseParen', value: ')' })
    i = end - 1
  }
  return result
}

const isName = (token: Token | undefined, ...names: readonly string[]) =>
  token?.type === 'Identifier' && names.includes(token.value)
const groups: Readonly<Record<string, number>> = {
  OpenParen: 1,
  OpenSquareBracket: 1,
  OpenCurlyBracket: 1,
  CloseParen: -1,
  CloseSquareBracket: -1,
  CloseCurlyBracket: -1,
}

/** Where a test's argument without parentheses ends: a name, a literal or a bracket, with what is attached to it. */
function argumentEnd(tokens: readonly Token[], from: number): number {
  const first = tokens[from]
  const isOperator = isName(first, 'else', 'or', 'and', 'is', 'if', 'not', 'in')
  const begins = ['Identifier', 'StringLiteral', 'NumericLiteral', 'OpenParen', 'OpenSquareBracket', 'OpenCurlyBracket']
  if (!first || isOperator || !begins.includes(first.type)) return from
  let end = closing(tokens, from)
  for (;;) {
    const next = tokens[end]?.type
    if (next === 'Dot') end += 2
    else if (next === 'OpenParen' || next === 'OpenSquareBracket') end = closing(tokens, end)
    else return end
  }
}

/** After the token at `from`, or after the bracket that closes it. */
function closing(tokens: readonly Token[], from: number): number {
  let depth = 0
  for (let i = from; i < tokens.length; i++) {
    depth += groups[tokens[i]?.type ?? ''] ?? 0
    if (depth === 0) return i + 1
  }
  return tokens.length
}
