/**
 * One llama.cpp context: the KV cache of N sequences, a stream of cells for each, and the forward pass over them. All
 * that crosses into C is checked here. Knows nothing of phases, policies or budgets.
 */
import { EngineError, InputError } from '../errors.ts'
import type { AttentionProbe } from './attention-probe.ts'
import { AttentionReader, type PositionWeights } from './attention-reader.ts'
import {
  float32View,
  int8View,
  int32View,
  pointerView,
  writeInt32,
  type Bindings,
  type LlamaBatch,
  type Pointer,
} from './bindings.ts'
import { CellSlots } from './cell-slots.ts'
import { NativeHandle } from './handle.ts'
import type { LlamaModel } from './model.ts'
import { PairProducts } from './pair-products.ts'
import { cachedKeys, compactSequence, StateBuffer, type StoredKeys } from './sequence-state.ts'
import { defaultThreads } from './threads.ts'

export const kvTypes = ['f16', 'q8_0', 'f32'] as const
export type KvType = (typeof kvTypes)[number]
const ggmlType: Record<KvType, number> = { f32: 0, f16: 1, q8_0: 8 }

export interface ContextOptions {
  /** Cells of each sequence; llama.cpp rounds them up to a multiple of 256. */
  readonly cells: number
  /** How many sequences it holds. Default 1. */
  readonly sequences?: number | undefined
  /** Default f16. */
  readonly kvType?: KvType | undefined
  /** Compute threads. Default: `defaultThreads`. */
  readonly threads?: number | undefined
  /** The most tokens of one forward pass. Default 512. */
  readonly batchTokens?: number | undefined
  /** Default: on a GPU and for a quantised cache; on the CPU it is slower (docs/benchmarks.md). */
  readonly flashAttention?: boolean | undefined
  /** The most output rows of one decode; at least `sequences`, the default. */
  readonly outputRows?: number | undefined
  /** Reads attention weights; turns flash attention off. */
  readonly attentionProbe?: AttentionProbe | undefined
}

type ResolvedOptions = Pick<ContextOptions, 'attentionProbe'> &
  Record<'sequences' | 'threads' | 'batchTokens' | 'outputRows', number> & {
    readonly kvType: KvType
    readonly flashAttention: boolean
  }

/** The forward pass of one token in each of several sequences. All arrays have the same length. */
export interface DecodeBatch {
  readonly tokens: ArrayLike<number>
  readonly positions: ArrayLike<number>
  readonly sequences: ArrayLike<number>
}

const flashAttentionType = { off: 0, on: 1 }
const poolingNone = 0

export class LlamaContext extends NativeHandle {
  readonly model: LlamaModel
  /** Cells of each sequence, after llama.cpp's rounding. */
  readonly cells: number
  readonly sequences: number
  readonly kvType: KvType
  readonly flashAttention: boolean
  readonly threads: number
  readonly batchTokens: number
  readonly outputRows: number
  readonly attentionProbe: AttentionProbe | undefined
  /** For each sequence, the position that each cell holds. */
  readonly slots: readonly CellSlots[]
  readonly #c: Bindings
  readonly #memory: Pointer
  readonly #batch: LlamaBatch
  readonly #token: Int32Array
  readonly #position: Int32Array
  /** For each entry of the batch, the address of its sequence id. */
  readonly #sequenceId: BigUint64Array
  /** Addresses that C allocated: the i-th holds the id of sequence i. */
  readonly #idAddresses: BigUint64Array
  readonly #output: Int8Array
  readonly #stateBuffer = new StateBuffer()
  readonly #attention: AttentionReader | undefined
  /** Made when keys are first asked for. */
  #products: PairProducts | undefined
  readonly #views = new Map<string, { address: Pointer; view: Float32Array }>()
  #rows = 0
  /** Index in the last batch of the token to which output row 0 belongs. */
  #firstRow = 0
  /** Follows `llama_set_embeddings`; a context is created with it on, so that its output buffer never has to grow. */
  #hasHiddenStates = true

  /**
   * Allocates the cache: its memory does not grow afterwards.
   * @throws InputError `invalid_context` for numbers that C would not survive; EngineError `context_not_created`
   */
  static create(model: LlamaModel, options: ContextOptions): LlamaContext {
    const { cells, sequences = 1, kvType = 'f16', batchTokens = 512, outputRows = sequences } = options
    const threads = options.threads ?? defaultThreads(model.weightBytes)
    const { c } = model.library
    checkRange('cells', cells, 1, 2 ** 24)
    checkRange('sequences', sequences, 1, c.llama_max_parallel_sequences())
    checkRange('threads', threads, 1, 512)
    checkRange('batchTokens', batchTokens, 1, 2 ** 16)
    checkRange('outputRows', outputRows, sequences, 2 ** 16)
    checkAttentionProbe(options)
    const flash =
      options.flashAttention ?? (options.attentionProbe === undefined && (model.usesGpu || kvType === 'q8_0'))
    if (kvType === 'q8_0' && !flash) {
      throw new InputError('invalid_context', 'a q8_0 cache needs flash attention: leave it on, or use --kv-type f16')
    }
    const params = c.llama_context_default_params()
    const padded = Math.ceil(cells / 256) * 256
    checkRange('cells of all sequences', padded * sequences, 1, 2 ** 31 - 1)
    Object.assign(params, {
      n_ctx: padded * sequences,
      n_seq_max: sequences,
      // A step of all sequences must fit into one batch: C aborts on a larger one.
      n_batch: Math.max(batchTokens, sequences),
      n_ubatch: Math.max(batchTokens, sequences),
      n_outputs_max: outputRows,
      n_threads: threads,
      n_threads_batch: threads,
      pooling_type: poolingNone,
      flash_attn_type: flash ? flashAttentionType.on : flashAttentionType.off,
      type_k: ggmlType[kvType],
      type_v: ggmlType[kvType],
      embeddings: true,
      offload_kqv: model.usesGpu,
      op_offload: model.usesGpu,
      kv_unified: false,
      cb_eval: options.attentionProbe?.callback ?? null,
    })
    const { result, log } = model.library.captureLog(() => c.llama_init_from_model(model.pointer, params))
    if (result === null) {
      throw new EngineError(
        'context_not_created',
        `a cache of ${sequences} x ${padded} cells cannot be made: ${log[0] ?? 'not enough memory'}`,
      )
    }
    const memory = c.llama_get_memory(result)
    if (memory === null) {
      c.llama_free(result)
      throw new InputError('model_unusable', 'this model has no KV cache: it makes embeddings, not text')
    }
    const { attentionProbe } = options
    return new LlamaContext(model, result, memory, {
      sequences,
      kvType,
      flashAttention: flash,
      threads,
      batchTokens,
      outputRows,
      attentionProbe,
    })
  }

  private constructor(model: LlamaModel, pointer: Pointer, memory: Pointer, options: ResolvedOptions) {
    super(pointer, model)
    const { c } = model.library
    this.model = model
    this.#c = c
    this.cells = c.llama_n_ctx_seq(pointer)
    this.sequences = options.sequences
    this.kvType = options.kvType
    this.flashAttention = options.flashAttention
    this.threads = options.threads
    this.batchTokens = options.batchTokens
    this.outputRows = options.outputRows
    this.attentionProbe = options.attentionProbe
    this.#attention = options.attentionProbe && new AttentionReader(options.attentionProbe)
    this.slots = Array.from({ length: this.sequences }, () => new CellSlots(this.cells))
    this.#memory = memory
    const capacity = Math.max(this.batchTokens, this.sequences)
    this.#batch = c.llama_batch_init(capacity, 0, 1)
    this.#token = int32View(this.#batch.token, capacity)
    this.#position = int32View(this.#batch.pos, capacity)
    this.#output = int8View(this.#batch.logits, capacity)
    this.#sequenceId = pointerView(this.#batch.seq_id, capacity)
    this.#idAddresses = this.#sequenceId.slice()
    this.#idAddresses.forEach((address, sequence) => writeInt32(address, sequence))
    int32View(this.#batch.n_seq_id, capacity).fill(1)
  }

  /** Whether attention weights can be asked for. */
  get readsAttention(): boolean {
    return this.#attention !== undefined
  }

  /**
   * Appends a run of consecutive tokens to one sequence, in chunks of `batchTokens`.
   * @param start position of the first token
   * @param output `last`: logits of the last token only (row 0); `all`: logits and hidden states of every token, which
   * must not be more than `outputRows`
   * @param attentionRows of how many of the last tokens the attention is read; they must be in the last chunk
   * @throws EngineError `decode_failed`
   */
  append(
    sequence: number,
    tokens: ArrayLike<number>,
    start: number,
    output: 'none' | 'last' | 'all' = 'last',
    attentionRows = 0,
  ): void {
    this.checkSequence(sequence)
    const slots = this.#slotsOf(sequence)
    if (tokens.length === 0) throw new RangeError('no tokens to append')
    if (output === 'all' && tokens.length > Math.min(this.outputRows, this.batchTokens)) {
      throw new RangeError(
        `${tokens.length} output rows asked for, at most ${Math.min(this.outputRows, this.batchTokens)}`,
      )
    }
    if (attentionRows > ((tokens.length - 1) % this.batchTokens) + 1)
      throw new RangeError(`attention of ${attentionRows} tokens asked for, which are not in one chunk`)
    if (tokens.length > this.cells - slots.used)
      throw new RangeError(`${tokens.length} tokens do not fit into the cache`)
    this.#setHiddenStates(output === 'all')
    for (let from = 0; from < tokens.length; from += this.batchTokens) {
      const count = Math.min(this.batchTokens, tokens.length - from)
      for (let i = 0; i < count; i++) {
        const isLast = from + i === tokens.length - 1
        this.#put(
          i,
          tokens[from + i] ?? -1,
          start + from + i,
          sequence,
          output === 'all' || (output === 'last' && isLast),
        )
      }
      this.#rows = 0
      const isLastChunk = from + count === tokens.length
      this.#run(
        count,
        isLastChunk && attentionRows > 0
          ? (reader, run) => {
              reader.readTokens(attentionRows, { count, start: start + from, slots }, run)
            }
          : undefined,
      )
      slots.append(start + from, count)
    }
    this.#rows = output === 'all' ? tokens.length : output === 'last' ? 1 : 0
    this.#firstRow = output === 'last' ? (tokens.length - 1) % this.batchTokens : 0
  }

  /**
   * One forward pass over one new token in each of several sequences; row i of the output belongs to entry i.
   * @param hiddenStates whether the last hidden states are wanted beside the logits
   * @param attention for each entry whether its attention is read
   * @throws EngineError `decode_failed`
   */
  decode(batch: DecodeBatch, hiddenStates: boolean, attention: readonly boolean[] = []): void {
    const count = batch.tokens.length
    if (count === 0 || count > this.sequences) throw new RangeError(`a step decodes 1 to ${this.sequences} sequences`)
    const seen = new Set<number>()
    for (let i = 0; i < count; i++) {
      const sequence = batch.sequences[i] ?? -1
      this.checkSequence(sequence)
      if (seen.has(sequence)) throw new RangeError(`sequence ${sequence} occurs twice in a step`)
      if (this.#slotsOf(sequence).used >= this.cells) throw new RangeError(`sequence ${sequence} holds all its cells`)
      seen.add(sequence)
      this.#put(i, batch.tokens[i] ?? -1, batch.positions[i] ?? -1, sequence, true)
    }
    this.#setHiddenStates(hiddenStates)
    this.#rows = 0
    const { slots } = this
    this.#run(
      count,
      attention.includes(true)
        ? (reader, run) => {
            reader.readEntries({ ...batch, slots }, attention, run)
          }
        : undefined,
    )
    for (let i = 0; i < count; i++) this.#slotsOf(batch.sequences[i] ?? -1).append(batch.positions[i] ?? -1, 1)
    this.#rows = count
    this.#firstRow = 0
  }

  /** Logits of an output row, shape [vocabulary size]. The view is valid until the next decode. */
  logits(row: number): Float32Array {
    const address = this.#c.llama_get_logits_ith(this.pointer, this.outputIndex(row))
    return this.#view('logits', row, address, this.model.vocab.size)
  }

  /** Last hidden state (after the final norm) of an output row, shape [d]. The view is valid until the next decode. */
  hiddenState(row: number): Float32Array {
    if (!this.#hasHiddenStates) throw new Error('the last decode was run without hidden states')
    const address = this.#c.llama_get_embeddings_ith(this.pointer, this.outputIndex(row))
    return this.#view('hidden', row, address, this.model.hiddenSize)
  }

  /**
   * Attention of a row of the last `append` or `decode` for which it was asked. Valid until the next call, and only before
   * the cells of its sequence change.
   */
  attention(row: number): PositionWeights {
    if (!this.#attention) throw new Error('this context has no attention probe')
    return this.#attention.row(row)
  }

  /**
   * The cached keys of a sequence, read one layer at a time, and products of vectors of a head's size (`PairProducts.run`).
   * Valid until the sequence's cells change.
   */
  keys(sequence: number): StoredKeys & { readonly products: PairProducts['run'] } {
    const keys = cachedKeys(this, sequence, this.#stateBuffer)
    const { library } = this.model
    this.#products ??= new PairProducts(library, keys.headSize, this.threads)
    const products = this.#products
    return { ...keys, products: (a, b) => products.run(a, b) }
  }

  /**
   * The index by which C knows an output row of the last decode.
   * @throws RangeError if the last decode gave no such output row
   */
  outputIndex(row: number): number {
    if (!Number.isInteger(row) || row < 0 || row >= this.#rows)
      throw new RangeError(`output row ${row} of ${this.#rows}`)
    return this.#firstRow + row
  }

  /** Empties the cells of positions p0 to p1 - 1 of a sequence. */
  remove(sequence: number, p0: number, p1: number): void {
    this.checkSequence(sequence)
    if (!Number.isInteger(p0) || !Number.isInteger(p1) || p0 < 0 || p1 <= p0 || p1 > 0x7fff_ffff) {
      throw new RangeError(`positions ${p0} to ${p1} are not a range`)
    }
    if (!this.#c.llama_memory_seq_rm(this.#memory, sequence, p0, p1)) {
      throw new EngineError('remove_failed', 'this model does not let single cells be removed')
    }
    this.#slotsOf(sequence).remove(p0, p1)
  }

  /**
   * Rewrites a sequence's cells contiguously, so that attention no longer runs over holes.
   * @throws EngineError `save_failed`, `restore_failed`
   */
  compact(sequence: number): void {
    this.checkSequence(sequence)
    compactSequence(this, sequence, this.#stateBuffer)
  }

  /** Empties all cells of a sequence. */
  clear(sequence: number): void {
    this.checkSequence(sequence)
    this.#c.llama_memory_seq_rm(this.#memory, sequence, -1, -1)
    this.#slotsOf(sequence).clear()
  }

  protected override free(pointer: Pointer): void {
    this.#views.clear()
    // C frees each address once.
    this.#sequenceId.set(this.#idAddresses)
    this.#c.llama_batch_free(this.#batch)
    this.#c.llama_free(pointer)
    this.attentionProbe?.dispose()
    this.#products?.dispose()
  }

  #put(i: number, token: number, position: number, sequence: number, output: boolean): void {
    if (!this.model.vocab.isToken(token)) throw new RangeError(`${token} is not a token of this model`)
    if (!Number.isInteger(position) || position < 0 || position > 0x7fff_fffe)
      throw new RangeError(`position ${position}`)
    this.#token[i] = token
    this.#position[i] = position
    this.#sequenceId[i] = this.#idAddresses[sequence] ?? 0n
    this.#output[i] = output ? 1 : 0
  }

  /** @param read runs the pass while attention is read; undefined: nothing is */
  #run(count: number, read?: (reader: AttentionReader, run: () => void) => void): void {
    this.#attention?.forget()
    if (!read) {
      this.#decodeBatch(count)
      return
    }
    if (!this.#attention) throw new Error('this context has no attention probe')
    read(this.#attention, () => this.#decodeBatch(count))
  }

  #decodeBatch(count: number): void {
    this.#batch.n_tokens = count
    const status = this.#c.llama_decode(this.pointer, this.#batch)
    if (status === 0) return
    const reason = status === 1 ? 'no free cell' : status === -1 ? 'invalid batch' : `code ${status}`
    throw new EngineError('decode_failed', `llama.cpp could not decode ${count} tokens: ${reason}`)
  }

  #setHiddenStates(on: boolean): void {
    if (on === this.#hasHiddenStates) return
    this.#c.llama_set_embeddings(this.pointer, on)
    this.#hasHiddenStates = on
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

  /** @throws Error after disposal; RangeError for a sequence that the cache does not have */
  checkSequence(sequence: number): void {
    this.checkNotDisposed()
    if (!Number.isInteger(sequence) || sequence < 0 || sequence >= this.sequences) {
      throw new RangeError(`sequence ${sequence} of ${this.sequences}`)
    }
  }

  #slotsOf(sequence: number): CellSlots {
    const slots = this.slots[sequence]
    if (!slots) throw new RangeError(`sequence ${sequence} of ${this.sequences}`)
    return slots
  }
}

function checkAttentionProbe({ attentionProbe, kvType, flashAttention }: ContextOptions): void {
  if (attentionProbe === undefined) return
  if (kvType === 'q8_0') {
    throw new InputError(
      'invalid_context',
      'attention weights cannot be read from a q8_0 cache, which needs flash attention: use --kv-type f16',
    )
  }
  if (flashAttention === true) {
    throw new InputError(
      'invalid_context',
      'attention weights cannot be read with flash attention: leave --flash-attention out, or turn it off',
    )
  }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new InputError('invalid_context', `${name} must be a whole number from ${least} to ${most}, not ${value}`)
}
