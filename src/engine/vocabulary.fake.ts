/**
 * A vocabulary of a few dozen tokens: tags whole and in parts, and characters in single bytes.
 */
import { Buffer } from 'node:buffer'
import type { Vocabulary } from './forward-pass.ts'

/** Every token's bytes. */
const pieces: readonly (string | number)[] = [
  ...['<eos>', '<bos>', '<think>', '</think>', '<', '</', 'think', '>', '\n', '\n\n', ' ', 'a', 'b', 'c', 'd', 'stop'],
  ...['st', 'op', 'S', 'T', '.', 'ab', 'Q', 'é', 0xc3, 0xa9, 0xf0, 0x9f, 0x99, 0x82, 'end', '</th'],
]
const bytesOf = pieces.map((piece) => Buffer.from(typeof piece === 'string' ? piece : [piece]))
export const eos = 0
export const openTag = 2
export const closeTag = 3
export const vocabularySize = pieces.length

/** The token of a piece. */
export function token(piece: string | number): number {
  const index = pieces.indexOf(piece)
  if (index < 0) throw new Error(`no token for ${piece}`)
  return index
}
/** Tokens of pieces separated by `|`. */
export const tokens = (text: string): number[] => text.split('|').map(token)
/** The bytes of tokens, as text. */
export const textOf = (all: Iterable<number>): string =>
  Buffer.concat([...all].map((one) => bytesOf[one] ?? Buffer.of())).toString('utf8')

export const fakeVocabulary: Vocabulary = {
  size: vocabularySize,
  bos: 1,
  eos,
  addsBos: false,
  isToken: (one) => Number.isInteger(one) && one >= 0 && one < vocabularySize,
  endsGeneration: (one) => one === eos,
  piece: (one) => {
    const bytes = bytesOf[one]
    if (!bytes) throw new RangeError(`${one} is not a token`)
    return new Uint8Array(bytes)
  },
  /** The longest piece that fits, again and again. */
  tokenize(text) {
    const rest = Buffer.from(text)
    const found: number[] = []
    for (let at = 0; at < rest.length;) {
      const fitting = bytesOf.flatMap((piece, one) => (rest.subarray(at, at + piece.length).equals(piece) ? [one] : []))
      const best = fitting.sort((x, y) => (bytesOf[y]?.length ?? 0) - (bytesOf[x]?.length ?? 0))[0]
      if (best === undefined) throw new Error(`no token at ${text.slice(at)}`)
      found.push(best)
      at += bytesOf[best]?.length ?? 1
    }
    return Int32Array.from(found)
  },
  specialTexts: ['<eos>', '<bos>', '<think>', '</think>'],
  tokenizeContinuation: (text) => fakeVocabulary.tokenize(text),
}
