/**
 * Reads attention weights while llama.cpp computes: the tensors `kq_soft_max-<layer>`, which exist only with flash
 * attention off. A callback per graph node is costly, so a context gets a probe only where a policy or the extraction of
 * importance needs one, and the probe copies only while it is active.
 */
import koffi from 'koffi'
import { EngineError } from '../errors.ts'
import { evalCallback, tensorHead, type Bindings, type Pointer } from './bindings.ts'
import type { LlamaLibrary } from './library.ts'

/** Attention of the queries of one forward pass, averaged over layers and query heads. */
export interface AttentionRows {
  /** How many cells each row has: the width of attention. */
  readonly cells: number
  readonly queries: number
  /** queries x cells; columns are cells, not positions (`CellSlots.positions` translates). */
  readonly weights: Float32Array
}

const softmaxName = /^kq_soft_max-\d+$/

export class AttentionProbe implements Disposable {
  /** For `ContextOptions`. */
  readonly callback: Pointer
  /** Whether the next forward passes are read. */
  active = false
  readonly #c: Bindings
  #sum = new Float32Array(0)
  #scratch = new Float32Array(0)
  #cells = 0
  #queries = 0
  #terms = 0
  #error: Error | undefined
  #disposed = false

  constructor(library: LlamaLibrary) {
    this.#c = library.c
    this.callback = koffi.register((tensor: Pointer, ask: boolean) => this.#onNode(tensor, ask), evalCallback)
  }

  /**
   * The attention of the forward passes since the last call. They must be of one sequence and one ubatch each.
   * @throws EngineError `no_attention` if nothing was read
   */
  take(): AttentionRows {
    const error = this.#error
    this.#error = undefined
    if (error) throw error
    if (this.#terms === 0)
      throw new EngineError('no_attention', 'no attention weights were read: is flash attention off?')
    const scale = 1 / this.#terms
    const weights = this.#sum.map((sum) => sum * scale)
    this.#terms = 0
    return { cells: this.#cells, queries: this.#queries, weights }
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    koffi.unregister(this.callback)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** An exception must not cross C, so it is kept for `take`. */
  #onNode(tensor: Pointer, ask: boolean): boolean {
    try {
      if (!this.active || !softmaxName.test(this.#c.ggml_get_name(tensor))) return !ask
      if (!ask) this.#read(tensor)
      return true
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error))
      return !ask
    }
  }

  /** Adds the mean over heads of one layer; shape of the tensor: cells x queries x heads x streams, float32. */
  #read(tensor: Pointer): void {
    const { ne } = koffi.decode(tensor, tensorHead) as { ne: (number | bigint)[] }
    const [cells = 0, queries = 0, heads = 0, streams = 0] = ne.map(Number)
    if (streams !== 1) throw new EngineError('attention_streams', 'attention is read for one sequence at a time')
    const size = cells * queries
    if (this.#terms === 0) {
      if (this.#sum.length !== size) this.#sum = new Float32Array(size)
      else this.#sum.fill(0)
      this.#cells = cells
      this.#queries = queries
    } else if (cells !== this.#cells || queries !== this.#queries) {
      throw new EngineError('attention_shape', 'attention of two forward passes was mixed: take() it after each')
    }
    if (this.#scratch.length < size * heads) this.#scratch = new Float32Array(size * heads)
    this.#c.ggml_backend_tensor_get(tensor, this.#scratch, 0, size * heads * 4)
    for (let head = 0; head < heads; head++) {
      const base = head * size
      for (let i = 0; i < size; i++) this.#sum[i] = (this.#sum[i] ?? 0) + (this.#scratch[base + i] ?? 0)
    }
    this.#terms += heads
  }
}
