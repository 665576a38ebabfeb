/**
 * Reads attention weights while llama.cpp computes: the tensors `kq_soft_max-<layer>`, which exist only with flash
 * attention off. A callback per graph node is costly, so a context gets a probe only where a policy or the extraction of
 * importance needs one, and the probe copies only while it is active. Knows columns as cells, not as positions.
 *
 * Of a model with sliding windows only the layers with full attention are read. Which these are is told by the mask that a layer
 * uses: llama.cpp makes that of the full-attention cache first (`build_attn_inp_kv_iswa`), so it lies at the lower address.
 */
import koffi from 'koffi'
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import type { LlamaLibrary } from './library.ts'
import { evalCallback, ggmlType, tensorHead, tensorSources, type Pointer } from './structs.ts'

/** Attention of the queries of one forward pass, averaged over layers and query heads. */
export interface AttentionRows {
  /** How many cells each row has: the width of attention. */
  readonly width: number
  readonly queries: number
  /** queries x width; columns are cells, not positions (`CellLayout.positions` translates). */
  readonly weights: Float32Array
}

/** What is wanted of one ubatch. */
export interface WantedRows {
  /** For each stream of the ubatch, whether it is read. */
  readonly streams: readonly boolean[]
  /** The first query of each stream that is read. */
  readonly firstQuery: number
}

/** One ubatch as far as it was read: for each mask, by its address, the layers that use it. One entry, 0, without windows. */
interface Reading {
  readonly wanted: WantedRows
  readonly byMask: Map<bigint, LayerSums>
}

/** Layers of one cache. */
interface LayerSums {
  /** Of attention, in cells. */
  readonly width: number
  readonly queries: number
  /** For each stream the sums over layers and heads, (queries - firstQuery) x width; undefined if it is not wanted. */
  readonly sums: readonly (Float32Array | undefined)[]
  /** Layers x heads that were added. */
  terms: number
}

const softmaxName = /^kq_soft_max-(\d+)$/
const oneSequence: WantedRows = { streams: [true], firstQuery: 0 }
/** Values that are copied out of C at a time: what fits into a core's cache beside the sums. */
const blockLength = 2 ** 16

export class AttentionProbe implements Disposable {
  /** For `ContextOptions`. */
  readonly callback: Pointer
  /** Whether the next forward passes are read. */
  active = false
  /** Whether some layers have a window; those are left out. */
  hasWindow = false
  readonly #c: Bindings
  readonly #block = new Float32Array(blockLength)
  #expected: readonly WantedRows[] = [oneSequence]
  #readings: Reading[] = []
  /** The layer that was read last: when it does not rise, the next ubatch has begun. */
  #layer = Infinity
  #error: Error | undefined
  #disposed = false

  constructor(library: LlamaLibrary) {
    this.#c = library.c
    this.callback = koffi.register((tensor: Pointer, ask: boolean) => this.#onNode(tensor, ask), evalCallback)
  }

  /**
   * Says what the next forward pass consists of, and drops what was read before. Without it, a pass is one ubatch of one
   * sequence, all of whose queries are read.
   * @param ubatches in the order in which llama.cpp computes them (`ubatchesOf`)
   */
  expect(ubatches: readonly WantedRows[] = [oneSequence]): void {
    this.#expected = ubatches
    this.#readings = []
    this.#layer = Infinity
    this.#error = undefined
  }

  /**
   * The attention of the forward pass since the last call, which was of one sequence and one ubatch.
   * @throws EngineError `no_attention` if nothing was read; `attention_shape` if there was more than one pass
   */
  take(): AttentionRows {
    const rows = this.takeAll()[0]?.[0]
    if (!rows) throw new EngineError('no_attention', 'no attention weights were read: is flash attention off?')
    return rows
  }

  /**
   * The attention of the forward pass since the last call: for each ubatch that was expected, for each of its streams.
   * Undefined where it was not wanted. The arrays are the caller's own.
   * @throws EngineError `no_attention` if an ubatch was not read; `attention_shape` if there were more than expected
   */
  takeAll(): (AttentionRows | undefined)[][] {
    const [readings, expected, error] = [this.#readings, this.#expected.length, this.#error]
    this.expect(this.#expected)
    if (error) throw error
    if (readings.length !== expected) {
      throw new EngineError('no_attention', 'no attention weights were read: is flash attention off?')
    }
    return readings.map(({ byMask, wanted }) => {
      const [first] = [...byMask].sort(([a], [b]) => (a < b ? -1 : 1))
      if (!first) return []
      const { sums, width, queries, terms } = first[1]
      return sums.map((weights) => {
        if (!weights) return undefined
        const scale = 1 / terms
        for (let i = 0; i < weights.length; i++) weights[i] = (weights[i] ?? 0) * scale
        return { width, queries: queries - wanted.firstQuery, weights }
      })
    })
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
    if (!this.active) return !ask
    try {
      const layer = softmaxName.exec(this.#c.ggml_get_name(tensor))?.[1]
      if (layer === undefined) return !ask
      if (!ask && !this.#error) this.#read(tensor, Number(layer))
      return true
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error))
      return true
    }
  }

  /** Adds one layer; shape of the tensor: cells x queries x heads x streams, float32. */
  #read(tensor: Pointer, layer: number): void {
    const { type, ne } = koffi.decode(tensor, tensorHead) as { type: number; ne: (number | bigint)[] }
    const [width = 0, queries = 0, heads = 0, streams = 0] = ne.map(Number)
    if (type !== ggmlType.f32) throw new EngineError('attention_shape', 'attention weights are not float32')
    if (layer <= this.#layer) this.#begin(streams)
    this.#layer = layer
    const reading = this.#readings.at(-1)
    if (!reading) return
    const { firstQuery } = reading.wanted
    const layers = layersOf(reading, this.hasWindow ? maskOf(tensor) : 0n, width, queries)
    if (layers.width !== width || layers.queries !== queries || layers.sums.length !== streams) {
      throw new EngineError('attention_shape', 'the layers of this model differ in the width of their attention')
    }
    for (const [stream, sums] of layers.sums.entries()) {
      for (let head = 0; sums && head < heads;) {
        // Where whole heads are small, several are copied at once; where one is large, in parts.
        const together = firstQuery === 0 ? Math.min(heads - head, Math.floor(blockLength / sums.length) || 1) : 1
        const start = ((stream * heads + head) * queries + firstQuery) * width
        if (together > 1) this.#addHeads(tensor, start, sums, together)
        else this.#addHead(tensor, start, sums)
        head += together
      }
    }
    layers.terms += heads
  }

  #begin(streams: number): void {
    const wanted = this.#expected[this.#readings.length]
    if (!wanted) {
      throw new EngineError('attention_shape', 'attention of two forward passes was mixed: take() it after each')
    }
    if (streams !== wanted.streams.length) {
      throw new EngineError(
        'attention_streams',
        `attention of ${streams} sequences at once, not ${wanted.streams.length}`,
      )
    }
    this.#readings.push({ wanted, byMask: new Map() })
  }

  #addHeads(tensor: Pointer, start: number, sums: Float32Array, heads: number): void {
    const block = this.#block
    this.#c.ggml_backend_tensor_get(tensor, block, start * 4, heads * sums.length * 4)
    for (let head = 0; head < heads; head++) add(sums, 0, block, head * sums.length, sums.length)
  }

  #addHead(tensor: Pointer, start: number, sums: Float32Array): void {
    for (let from = 0; from < sums.length; from += blockLength) {
      const length = Math.min(blockLength, sums.length - from)
      this.#c.ggml_backend_tensor_get(tensor, this.#block, (start + from) * 4, length * 4)
      add(sums, from, this.#block, 0, length)
    }
  }
}

/** The sums of the layers that use a mask; made when the first of them is read. */
function layersOf({ wanted, byMask }: Reading, mask: bigint, width: number, queries: number): LayerSums {
  const known = byMask.get(mask)
  if (known) return known
  const size = (queries - wanted.firstQuery) * width
  const sums = wanted.streams.map((isWanted) => (isWanted ? new Float32Array(size) : undefined))
  const layers = { width, queries, sums, terms: 0 }
  byMask.set(mask, layers)
  return layers
}

/** Address of the mask that a softmax is computed with. */
function maskOf(softmax: Pointer): bigint {
  const { src } = koffi.decode(softmax, tensorSources) as { src: Pointer[] }
  return src[1] ? koffi.address(src[1]) : 0n
}

/** sums[i] += values[j], a tight loop: it runs over every weight of every head of every layer. */
function add(sums: Float32Array, i: number, values: Float32Array, j: number, length: number): void {
  for (const end = i + length; i < end; i++, j++) sums[i] = (sums[i] ?? 0) + (values[j] ?? 0)
}
