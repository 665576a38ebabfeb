/**
 * A vocabulary that says nothing: the 256 bytes, the tags and control tokens of R1-Distill-Qwen, and made-up words. A BPE
 * vocabulary in the manner of GPT-2, as Qwen2's is, so that llama.cpp treats it alike.
 */

/** Token types of GGUF. */
const normal = 1
const control = 3
const userDefined = 4

const specials: readonly [text: string, type: number][] = [
  ['<｜end▁of▁sentence｜>', control],
  ['<｜begin▁of▁sentence｜>', control],
  ['<｜User｜>', control],
  ['<｜Assistant｜>', control],
  ['<think>', userDefined],
  ['</think>', userDefined],
]
const bytes = 256

export const eosToken = bytes
export const bosToken = bytes + 1
/** From here on every token is a word: it is no tag and ends nothing. */
export const firstWord = bytes + specials.length

export const chatTemplate =
  '{{ bos_token }}{% for message in messages %}{{ "<｜User｜>" if message.role == "user" else "<｜Assistant｜>" }}' +
  '{{ message.content }}{% endfor %}<｜Assistant｜><think>\n'

export function vocabulary(size: number): { tokens: string[]; types: number[] } {
  const tokens = [...byteLetters(), ...specials.map(([text]) => text)]
  const types = [...new Array<number>(bytes).fill(normal), ...specials.map(([, type]) => type)]
  for (let i = 0; tokens.length < size; i++) {
    tokens.push(`Ġ${word(i)}`)
    types.push(normal)
  }
  return { tokens, types }
}

/** a, b ... z, aa, ab ... */
function word(i: number): string {
  const letter = String.fromCharCode(97 + (i % 26))
  return i < 26 ? letter : word(Math.floor(i / 26) - 1) + letter
}

/** GPT-2's printable letter for each byte. */
function byteLetters(): string[] {
  let next = 256
  return Array.from({ length: bytes }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCharCode(printable ? byte : next++)
  })
}
