/**
 * What the last forward pass of a context gave: logits and hidden states, by the rows that were asked for.
 */
import { EngineError } from '../errors.ts'
import type { LlamaModel } from './model.ts'
import { float32View } from './native-memory.ts'
import type { Pointer } from './structs.ts'

export class OutputRows {
  readonly #model: LlamaModel
  readonly #views = new Map<string, { address: Pointer; view: Float32Array }>()
  #rows = 0
  #first = 0
  /** Follows `llama_set_embeddings`; a context is created with it on, so that its output buffer never has to grow. */
  #hasHiddenStates = true

  constructor(model: LlamaModel) {
    this.#model = model
  }

  /** Says whether the next passes give hidden states beside the logits. */
  setHiddenStates(context: Pointer, on: boolean): void {
    if (on === this.#hasHiddenStates) return
    this.#model.library.c.llama_set_embeddings(context, on)
    this.#hasHiddenStates = on
  }

  /**
   * Says what the last pass gave.
   * @param first index in its batch of the token to which row 0 belongs
   */
  set(rows: number, first = 0): void {
    this.#rows = rows
    this.#first = first
  }

  /**
   * The index by which C knows a row.
   * @throws RangeError if the last pass gave no such row
   */
  index(row: number): number {
    if (!Number.isInteger(row) || row < 0 || row >= this.#rows)
      throw new RangeError(`output row ${row} of ${this.#rows}`)
    return this.#first + row
  }

  /** Shape [vocabulary size]. */
  logits(context: Pointer, row: number): Float32Array {
    const address = this.#model.library.c.llama_get_logits_ith(context, this.index(row))
    return this.#view('logits', row, address, this.#model.vocab.size)
  }

  /** Shape [d]. */
  hiddenState(context: Pointer, row: number): Float32Array {
    if (!this.#hasHiddenStates) throw new Error('the last decode was run without hidden states')
    const address = this.#model.library.c.llama_get_embeddings_ith(context, this.index(row))
    return this.#view('hidden state', row, address, this.#model.hiddenSize)
  }

  #view(kind: string, row: number, address: Pointer | null, length: number): Float32Array {
    if (address === null) throw new EngineError('no_output', `llama.cpp gave no ${kind} for output row ${row}`)
    const key = `${kind}${row}`
    const known = this.#views.get(key)
    if (known?.address === address) return known.view
    const view = float32View(address, length)
    this.#views.set(key, { address, view })
    return view
  }
}
