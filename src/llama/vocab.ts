/**
 * Text to tokens and back, with the model's own vocabulary.
 */
import { EngineError, InputError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import type { NativeHandle } from './handle.ts'
import { withoutLongRuns } from './long-runs.ts'
import type { Pointer } from './structs.ts'

const anchor = '\u0001'
/** LLAMA_TOKEN_ATTR_UNKNOWN, _CONTROL and _USER_DEFINED. */
const partitionAttributes = 1 | 8 | 16

const withoutSpaces = (text: string) => text.replaceAll(' ', '')

/** `tokenizer.ggml.model` and `tokenizer.ggml.pre`. */
export interface TokenizerNames {
  readonly model: string | undefined
  readonly pre: string | undefined
}

export class Vocab {
  readonly size: number
  readonly bos: number
  readonly eos: number
  /** Whether a prompt begins with the BOS token. */
  readonly addsBos: boolean
  readonly #c: Bindings
  readonly #address: Pointer
  readonly #owner: NativeHandle
  readonly #pre: string | undefined
  readonly #splitsByExpressions: boolean
  readonly #pieces = new Map<number, Uint8Array>()
  #specialTexts: readonly string[] | undefined

  /** @param owner the model to which the vocabulary belongs: it cannot be used after the model is disposed */
  constructor(c: Bindings, vocab: Pointer, owner: NativeHandle, { model, pre }: TokenizerNames) {
    this.#c = c
    this.#address = vocab
    this.#owner = owner
    this.#pre = pre
    // Of BPE; SentencePiece and its like have none.
    this.#splitsByExpressions = model === 'gpt2'
    this.size = c.llama_vocab_n_tokens(vocab)
    this.bos = c.llama_vocab_bos(vocab)
    this.eos = c.llama_vocab_eos(vocab)
    this.addsBos = c.llama_vocab_get_add_bos(vocab)
  }

  get #vocab(): Pointer {
    return this.pointer
  }

  /** For C. @throws Error after the model's disposal */
  get pointer(): Pointer {
    this.#owner.checkNotDisposed()
    return this.#address
  }

  /** Whether a generation ends with this token (EOS, EOT and their like). */
  endsGeneration(token: number): boolean {
    return this.isToken(token) && this.#c.llama_vocab_is_eog(this.#vocab, token)
  }

  isToken(token: number): boolean {
    return Number.isInteger(token) && token >= 0 && token < this.size
  }

  /**
   * @param special whether tokens such as `<think>` or `<|user|>` are recognised in the text
   * @throws InputError `invalid_text` for what the vocabulary cannot express
   * @param addBos adds the model's BOS token where the model wants one
   */
  tokenize(text: string, { special = true, addBos = false } = {}): Int32Array {
    const pieces = this.#splitsByExpressions ? withoutLongRuns(text, this.#pre) : [text]
    const tokens = pieces.map((piece) => this.#tokenizePiece(piece, special))
    const first = addBos && this.addsBos && this.isToken(this.bos) ? [Int32Array.of(this.bos)] : []
    const [only, ...others] = [...first, ...tokens]
    return only && others.length === 0 ? only : Int32Array.from([...first, ...tokens].flatMap((part) => [...part]))
  }

  #tokenizePiece(text: string, special: boolean): Int32Array {
    const bytes = new TextEncoder().encode(text)
    let tokens = new Int32Array(bytes.length + 8)
    // The C function wants an address even for an empty text. It can add BOS itself, but then it may add EOS behind the text as well.
    const source = bytes.length > 0 ? bytes : new Uint8Array(1)
    let count = this.#c.llama_tokenize(this.#vocab, source, bytes.length, tokens, tokens.length, false, special)
    if (count < 0 && count > -0x80000000) {
      tokens = new Int32Array(-count)
      count = this.#c.llama_tokenize(this.#vocab, source, bytes.length, tokens, tokens.length, false, special)
    }
    if (count < 0)
      throw new EngineError('tokenize_failed', `llama.cpp could not tokenize a text of ${bytes.length} bytes`)
    const found = tokens.subarray(0, count)
    // A vocabulary without a token for unknown text gives -1 for it.
    if (found.some((token) => !this.isToken(token)))
      throw new InputError('invalid_text', 'the model’s vocabulary has no tokens for a part of the text')
    return found.slice()
  }

  /**
   * Tokens of a text that stands behind another one, special tokens recognised or not: as the model would have written them.
   * SentencePiece puts a space before a text, and before what follows a special token in it; here it does not.
   * @throws InputError `invalid_text`
   */
  tokenizeContinuation(text: string, { special = true } = {}): Int32Array {
    const tokens = this.tokenize(text, { special })
    const written = this.detokenize(tokens)
    const hasMoreSpaces = written.length > text.length && withoutSpaces(written) === withoutSpaces(text)
    if (!hasMoreSpaces) return tokens
    const parts: Int32Array[] = []
    let at = 0
    for (const token of tokens) {
      if (!this.#isPartition(token)) continue
      const piece = this.detokenize([token])
      const found = text.indexOf(piece, at)
      if (piece === '' || found < 0) return tokens
      parts.push(this.#withoutSpace(text.slice(at, found)), Int32Array.of(token))
      at = found + piece.length
    }
    parts.push(this.#withoutSpace(text.slice(at)))
    return Int32Array.from(parts.flatMap((part) => [...part]))
  }

  /** A control character is in no vocabulary and merges with nothing: the space comes before it. */
  #withoutSpace(text: string): Int32Array {
    if (text === '') return new Int32Array()
    const tokens = this.tokenize(`${anchor}${text}`, { special: false })
    const end = tokens.findIndex((token) => this.detokenize([token]) === anchor)
    return end < 0 ? this.tokenize(text, { special: false }) : tokens.slice(end + 1)
  }

  /** Whether llama.cpp cuts a text at this token before it splits the rest. */
  #isPartition(token: number): boolean {
    return (this.#c.llama_vocab_get_attr(this.#vocab, token) & partitionAttributes) !== 0
  }

  /** How the special tokens are spelled: those that llama.cpp cuts out of a text. */
  get specialTexts(): readonly string[] {
    this.#specialTexts ??= Array.from({ length: this.size }, (_, token) => token)
      .filter((token) => this.#isPartition(token))
      .map((token) => this.detokenize([token]))
    return this.#specialTexts
  }

  /** The bytes of one token, control tokens included; they need not be whole UTF-8 characters. */
  piece(token: number): Uint8Array {
    const known = this.#pieces.get(token)
    if (known) return known
    if (!this.isToken(token)) throw new RangeError(`${token} is not a token of this vocabulary (0 to ${this.size - 1})`)
    let buffer = new Uint8Array(64)
    let length = this.#c.llama_token_to_piece(this.#vocab, token, buffer, buffer.length, 0, true)
    if (length < 0) {
      buffer = new Uint8Array(-length)
      length = this.#c.llama_token_to_piece(this.#vocab, token, buffer, buffer.length, 0, true)
    }
    const piece = buffer.slice(0, Math.max(0, length))
    this.#pieces.set(token, piece)
    return piece
  }

  detokenize(tokens: Iterable<number>): string {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    let text = ''
    for (const token of tokens) text += decoder.decode(this.piece(token), { stream: true })
    return text + decoder.decode()
  }
}
