/**
 * One llama.cpp context: the KV cache of N sequences, cells of its own for each, and the forward pass over them. All that
 * crosses into C is checked here and in the parts.
 */
import { EngineError, InputError } from '../errors.ts'
import { AttentionReader, type PositionWeights } from './attention-reader.ts'
import { cachedVectors, type StoredVectors } from './cached-vectors.ts'
import type { CellLayout } from './cell-layout.ts'
import {
  batchCapacity,
  contextParams,
  windowCells,
  resolveContextOptions,
  type ContextOptions,
  type ContextSettings,
  type KvType,
} from './context-options.ts'
import { FloatRows } from './float-rows.ts'
import { NativeHandle } from './handle.ts'
import { KeyDirections, type VectorDirections } from './key-directions.ts'
import { LogSoftmax } from './log-softmax.ts'
import type { LlamaModel } from './model.ts'
import { OutputRows } from './output-rows.ts'
import { PairProducts, type PairShape } from './pair-products.ts'
import { SequenceMemory, type PositionRange } from './sequence-memory.ts'
import { stateParts } from './state-parts.ts'
import { compactSequence, restoreSequence, saveSequence, StateBuffer } from './sequence-state.ts'
import type { Pointer } from './structs.ts'
import { TokenBatch } from './token-batch.ts'

/** The forward pass of one token in each of several sequences. All arrays have the same length. */
export interface DecodeBatch {
  readonly tokens: ArrayLike<number>
  readonly positions: ArrayLike<number>
  readonly sequenceIds: ArrayLike<number>
}

export class LlamaContext extends NativeHandle {
  readonly model: LlamaModel
  /** Cells of each sequence, after llama.cpp's rounding. */
  readonly cellsPerSequence: number
  readonly sequences: number
  readonly flashAttention: boolean
  readonly usesGpu: boolean
  /** Whether a sequence can be saved and restored: recurrent states are not read here. */
  readonly canRestore: boolean
  /** Whether a sequence that is saved and restored computes the same, to the bit: a cache of window layers comes back in another order. */
  readonly restoresExactly: boolean
  /** Cells of each sequence in a layer with a sliding window; as many as in the others where these have fewer. */
  readonly windowCells: number
  readonly kvType: KvType
  /**
   * Whether a sequence can be saved and restored without leaving the GPU. With transposed values llama.cpp runs out of its own buffer
   * for states and aborts; restoring quantised cells ends the process (v0.5.0, CUDA).
   */
  readonly keepsStatesOnDevice: boolean
  /** The most tokens of one forward pass. */
  readonly batchTokens: number
  /** The most output rows of one decode. */
  readonly outputRows: number
  readonly #settings: ContextSettings
  readonly #memory: SequenceMemory
  readonly #batch: TokenBatch
  readonly #outputs: OutputRows
  readonly #stateBuffer = new StateBuffer()
  readonly #attention: AttentionReader | undefined
  /** Made when log-probabilities are first asked for. */
  #logSoftmax: LogSoftmax | undefined
  /** These three are made when keys are first asked for. */
  #floats: FloatRows | undefined
  #products: PairProducts | undefined
  #directions: KeyDirections | undefined

  /**
   * Allocates the cache: its memory does not grow afterwards.
   * @throws InputError `invalid_context` for numbers that C would not survive; EngineError `context_not_created`
   */
  static create(model: LlamaModel, options: ContextOptions): LlamaContext {
    const settings = resolveContextOptions(model, options)
    const { c } = model.library
    const params = contextParams(model, settings)
    const pointer = model.library.make(
      () => c.llama_init_from_model(model.pointer, params),
      (reason = 'not enough memory') => {
        const size = `${settings.sequences} x ${settings.cellsPerSequence} cells`
        return new EngineError('context_not_created', `a cache of ${size} cannot be made: ${reason}`)
      },
    )
    const memory = c.llama_get_memory(pointer)
    if (memory === null) {
      c.llama_free(pointer)
      throw new InputError('model_unusable', 'this model has no KV cache: it makes embeddings, not text')
    }
    return new LlamaContext(model, pointer, memory, settings)
  }

  private constructor(model: LlamaModel, pointer: Pointer, memory: Pointer, settings: ContextSettings) {
    super(pointer, model)
    const { c } = model.library
    this.model = model
    this.cellsPerSequence = c.llama_n_ctx_seq(pointer)
    this.sequences = settings.sequences
    this.flashAttention = settings.flashAttention
    this.usesGpu = model.usesGpu
    this.canRestore = !model.isRecurrent
    this.restoresExactly = !model.hasWindow
    this.windowCells = Math.min(this.cellsPerSequence, windowCells(model.window, batchCapacity(settings)))
    this.kvType = settings.kvType
    this.keepsStatesOnDevice = model.usesGpu && settings.flashAttention && settings.kvType !== 'q8_0'
    this.batchTokens = settings.batchTokens
    this.outputRows = settings.outputRows
    this.#settings = settings
    this.#memory = new SequenceMemory(c, memory, this.sequences, this.cellsPerSequence)
    this.#batch = new TokenBatch(c, model.vocab, batchCapacity(settings))
    this.#outputs = new OutputRows(model)
    if (settings.attentionProbe) settings.attentionProbe.hasWindow = model.hasWindow
    this.#attention = settings.attentionProbe && new AttentionReader(settings.attentionProbe)
  }

  /** For each sequence, the position that each cell holds. */
  get layouts(): readonly CellLayout[] {
    return this.#memory.layouts
  }

  /** @throws Error after disposal; RangeError for a sequence that the cache does not have */
  layoutOf(sequenceId: number): CellLayout {
    this.checkNotDisposed()
    return this.#memory.layoutOf(sequenceId)
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
    sequenceId: number,
    tokens: ArrayLike<number>,
    start: number,
    output: 'none' | 'last' | 'all' = 'last',
    attentionRows = 0,
  ): void {
    const layout = this.layoutOf(sequenceId)
    if (tokens.length === 0) throw new RangeError('no tokens to append')
    if (output === 'all' && tokens.length > Math.min(this.outputRows, this.batchTokens)) {
      throw new RangeError(
        `${tokens.length} output rows asked for, at most ${Math.min(this.outputRows, this.batchTokens)}`,
      )
    }
    const lastChunk = ((tokens.length - 1) % this.batchTokens) + 1
    if (!Number.isInteger(attentionRows) || attentionRows < 0 || attentionRows > lastChunk)
      throw new RangeError(`attention of the last ${attentionRows} tokens asked for: the last chunk has ${lastChunk}`)
    if (tokens.length > this.cellsPerSequence - layout.used)
      throw new RangeError(`${tokens.length} tokens do not fit into the cache`)
    this.#outputs.setHiddenStates(this.pointer, output === 'all')
    for (let from = 0; from < tokens.length; from += this.batchTokens) {
      const count = Math.min(this.batchTokens, tokens.length - from)
      for (let i = 0; i < count; i++) {
        const isLast = from + i === tokens.length - 1
        this.#batch.put(i, {
          token: tokens[from + i] ?? -1,
          position: start + from + i,
          sequenceId,
          output: output === 'all' || (output === 'last' && isLast),
        })
      }
      const isLastChunk = from + count === tokens.length
      this.#run(
        count,
        isLastChunk && attentionRows > 0
          ? (reader, run) => {
              reader.readTokens(attentionRows, { count, start: start + from, layout }, run)
            }
          : undefined,
      )
      layout.append(start + from, count)
    }
    if (output === 'last') this.#outputs.set(1, lastChunk - 1)
    else this.#outputs.set(output === 'all' ? tokens.length : 0)
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
      const sequenceId = batch.sequenceIds[i] ?? -1
      const layout = this.layoutOf(sequenceId)
      if (seen.has(sequenceId)) throw new RangeError(`sequence ${sequenceId} occurs twice in a step`)
      if (layout.used >= this.cellsPerSequence) throw new RangeError(`sequence ${sequenceId} holds all its cells`)
      seen.add(sequenceId)
      const [token = -1, position = -1] = [batch.tokens[i], batch.positions[i]]
      this.#batch.put(i, { token, position, sequenceId, output: true })
    }
    this.#outputs.setHiddenStates(this.pointer, hiddenStates)
    const { layouts } = this
    this.#run(
      count,
      attention.includes(true)
        ? (reader, run) => {
            reader.readEntries({ ...batch, layouts }, attention, hiddenStates && this.model.isHybrid, run)
          }
        : undefined,
    )
    for (let i = 0; i < count; i++) layouts[batch.sequenceIds[i] ?? -1]?.append(batch.positions[i] ?? -1, 1)
    this.#outputs.set(count)
  }

  /** Waits until the last pass is computed: a GPU goes on after `append` and `decode` have returned. */
  synchronize(): void {
    this.model.library.c.llama_synchronize(this.pointer)
  }

  /** Logits of an output row, shape [vocabulary size]. The view is valid until the next decode. */
  logits(row: number): Float32Array {
    return this.#outputs.logits(this.pointer, row)
  }

  /** Last hidden state (after the final norm) of an output row, shape [d]. The view is valid until the next decode. */
  hiddenState(row: number): Float32Array {
    return this.#outputs.hiddenState(this.pointer, row)
  }

  /** log softmax of an output row's logits, of one token. */
  logprob(row: number, token: number): number {
    const logits = this.logits(row)
    this.#logSoftmax ??= new LogSoftmax(this.model.library, logits.length)
    return this.#logSoftmax.run(logits, token)
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
   * The cached keys and values of a sequence, read one layer at a time; products of vectors of a key's size
   * (`PairProducts.run`), and their directions (`KeyDirections.run`). Valid until the next `cached` or `compact` of any sequence, and only before the sequence's cells change.
   */
  cached(sequenceId: number): {
    readonly keys: StoredVectors & {
      readonly products: PairProducts['run']
      readonly directions: (layer: Float32Array, shape?: PairShape) => VectorDirections
    }
    readonly values: () => StoredVectors
  } {
    const { library } = this.model
    this.#floats ??= new FloatRows(library)
    const { keys, values } = cachedVectors(this, sequenceId, this.#stateBuffer, this.#floats)
    const products = (this.#products ??= new PairProducts(library, keys.headSize, this.#settings.threads))
    const directions = (this.#directions ??= new KeyDirections(library))
    return {
      keys: {
        ...keys,
        products: (a, b, shape) => products.run(a, b, shape),
        directions: (layer, shape) => directions.run(layer, { size: keys.headSize, ...shape }),
      },
      values,
    }
  }

  /**
   * The index by which C knows an output row of the last decode.
   * @throws RangeError if the last decode gave no such output row
   */
  outputIndex(row: number): number {
    return this.#outputs.index(row)
  }

  /**
   * Empties the cells of positions p0 to p1 - 1 of a sequence.
   * @throws EngineError `remove_failed` for a model that does not allow it
   */
  remove(sequenceId: number, p0: number, p1: number): void {
    this.checkNotDisposed()
    this.#memory.remove(sequenceId, p0, p1)
  }

  /**
   * A copy of a sequence's state: its cells with their positions.
   * @throws EngineError `save_failed`
   */
  save(sequenceId: number): Uint8Array {
    return saveSequence(this, sequenceId)
  }

  /**
   * The fewest of its first tokens that a saved sequence without gaps can be shortened to after it is restored: layers with a window
   * must still hold what the next token sees, and a recurrent state does not go back (Infinity).
   */
  shortestPrefix(state: Uint8Array): number {
    if (this.model.isHybrid) return Infinity
    const { window } = stateParts(state, this.model)
    if (!window) return 0
    const oldest = window.positions.reduce((least, position) => Math.min(least, position), Infinity)
    return oldest === 0 ? 0 : oldest + this.model.window - 1
  }

  /**
   * Replaces a sequence's cells by a state that this context, or one of the same model and cache type, has saved of any sequence. If
   * that fails, the sequence has none.
   * @throws EngineError `restore_failed`
   */
  restore(sequenceId: number, state: Uint8Array): void {
    restoreSequence(this, sequenceId, state)
  }

  /**
   * Empties cells of a sequence and rewrites the others contiguously, so that attention no longer runs over holes. If the rewriting
   * fails, it has none.
   * @param without ranges of positions, ascending
   * @throws EngineError `save_failed`, `restore_failed`, `remove_failed`
   */
  compact(sequenceId: number, without: readonly PositionRange[] = []): void {
    this.checkNotDisposed()
    compactSequence(this, sequenceId, without, this.#stateBuffer)
  }

  /** Empties all cells of a sequence. */
  clear(sequenceId: number): void {
    this.checkNotDisposed()
    this.#memory.clear(sequenceId)
  }

  protected override free(pointer: Pointer): void {
    this.#batch.free()
    this.model.library.c.llama_free(pointer)
    this.#settings.attentionProbe?.dispose()
    this.#settings.queryProbe?.dispose()
    this.#floats?.dispose()
    this.#products?.dispose()
    this.#directions?.dispose()
    this.#logSoftmax?.dispose()
  }

  /** @param read runs the pass while attention is read; undefined: nothing is */
  #run(count: number, read?: (reader: AttentionReader, run: () => void) => void): void {
    // A pass that fails leaves nothing behind.
    this.#outputs.set(0)
    this.#attention?.forget()
    const run = () => this.#batch.decode(this.pointer, count)
    if (!read) {
      run()
      return
    }
    if (!this.#attention) throw new Error('this context has no attention probe')
    read(this.#attention, run)
  }
}
