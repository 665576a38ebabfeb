/** The tokens of one forward pass, in memory that C owns. Checks what is put into it. */
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { int32View, int8View, pointerView, writeInt32 } from './native-memory.ts'
import type { LlamaBatch, Pointer } from './structs.ts'
import type { Vocab } from './vocab.ts'

/** One token of a batch. */
export interface BatchEntry {
  readonly token: number
  readonly position: number
  /** Must have been checked. */
  readonly sequenceId: number
  /** Whether its output is wanted. */
  readonly output: boolean
}

export class TokenBatch {
  readonly #c: Bindings
  readonly #vocab: Vocab
  readonly #batch: LlamaBatch
  readonly #token: Int32Array
  readonly #position: Int32Array
  /** For each entry, the address of its sequence id. */
  readonly #sequenceId: BigUint64Array
  /** Addresses that C allocated: the i-th holds the id of sequence i. */
  readonly #idAddresses: BigUint64Array
  readonly #output: Int8Array

  /** @param capacity the most entries; at least as many as there are sequences */
  constructor(c: Bindings, vocab: Vocab, capacity: number) {
    this.#c = c
    this.#vocab = vocab
    this.#batch = c.llama_batch_init(capacity, 0, 1)
    this.#token = int32View(this.#batch.token, capacity)
    this.#position = int32View(this.#batch.pos, capacity)
    this.#output = int8View(this.#batch.logits, capacity)
    this.#sequenceId = pointerView(this.#batch.seq_id, capacity)
    this.#idAddresses = this.#sequenceId.slice()
    this.#idAddresses.forEach((address, sequenceId) => writeInt32(address, sequenceId))
    int32View(this.#batch.n_seq_id, capacity).fill(1)
  }

  /** Sets entry i. @throws RangeError for a token or a position that is none */
  put(i: number, { token, position, sequenceId, output }: BatchEntry): void {
    if (!this.#vocab.isToken(token)) throw new RangeError(`${token} is not a token of this model`)
    if (!Number.isInteger(position) || position < 0 || position > 0x7fff_fffe)
      throw new RangeError(`position ${position}`)
    this.#token[i] = token
    this.#position[i] = position
    this.#sequenceId[i] = this.#idAddresses[sequenceId] ?? 0n
    this.#output[i] = output ? 1 : 0
  }

  /** The forward pass over the first `count` entries. @throws EngineError `decode_failed` */
  decode(context: Pointer, count: number): void {
    this.#batch.n_tokens = count
    const status = this.#c.llama_decode(context, this.#batch)
    if (status === 0) return
    const reason = status === 1 ? 'no free cell' : status === -1 ? 'invalid batch' : `code ${status}`
    throw new EngineError('decode_failed', `llama.cpp could not decode ${count} tokens: ${reason}`)
  }

  /** It cannot be used afterwards. */
  free(): void {
    // C frees each address once.
    this.#sequenceId.set(this.#idAddresses)
    this.#c.llama_batch_free(this.#batch)
  }
}
