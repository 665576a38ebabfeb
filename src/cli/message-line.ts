/**
 * Messages as a terminal gets them: on one line, without control characters, and not longer than anybody reads, whatever
 * values and paths they repeat.
 */
const most = { word: 500, message: 3000 }

/** Control characters, line and paragraph separators, and what turns the direction of text. */
const notShown = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu

/** A message on one line: control characters are escaped, long words and long messages are cut in their middle. */
export function messageLine(text: string): string {
  const words = text.replace(/\S+/g, (word) => cut(word, most.word))
  return cut(words, most.message).replace(notShown, escaped)
}

/** What is wrong, as the terminal gets it: on one line, which ends with a full stop wherever in the program it comes from. */
export function errorLine(text: string): string {
  const line = messageLine(text.trim())
  return /[.!?][)"”]?$/.test(line) ? line : `${line}.`
}

/** A word of a command, quoted if a POSIX shell would take it for something else. */
export function shellWord(text: string): string {
  if (/^[\w/.:,@%+=-]+$/.test(text) && !text.startsWith('-') && !text.startsWith('=')) return text
  const path = text.startsWith('-') ? `./${text}` : text
  if (path.search(notShown) < 0) return `'${path.replaceAll("'", "'\\''")}'`
  return `$'${path.replace(/[\\']/g, '\\$&').replace(notShown, escaped)}'`
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text
  const characters = Array.from(text)
  const half = Math.floor(length / 2)
  return `${characters.slice(0, half).join('')} … ${characters.slice(-half).join('')}`
}

function escaped(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\t') return '\\t'
  if (character === '\r') return '\\r'
  const code = character.codePointAt(0) ?? 0
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
}
