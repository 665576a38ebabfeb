/**
 * Reads queries while llama.cpp computes: the rotated `Qcur-<layer>`, which exist with flash attention and without. They are rotated
 * back by their positions, so that it does not matter what made them: biases, norms, architecture. A callback per graph node is
 * costly, so only a context for calibration has one.
 *
 * Which layers of a model with sliding windows have full attention is told by their masks, as in `attention-probe.ts`; that needs flash
 * attention off.
 */
import koffi from 'koffi'
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import type { LlamaLibrary } from './library.ts'
import { pairOf, rotationOf, type Rotation } from './rotation.ts'
import { evalCallback, ggmlType, tensorHead, tensorSources, type Pointer } from './structs.ts'

/** Queries of one layer before their rotation, of one forward pass. */
export interface LayerQueries {
  readonly layer: number
  readonly tokens: number
  readonly heads: number
  readonly headSize: number
  /** tokens x heads x head size. Valid during the call. */
  readonly values: Float32Array
  readonly rotation: Rotation
}

interface TensorNode {
  readonly head: { readonly type: number; readonly ne: readonly (number | bigint)[] }
  readonly op_params: readonly number[]
  readonly src: readonly (Pointer | null)[]
}

const queryName = /^Qcur-(\d+)$/
const softmaxName = /^kq_soft_max-(\d+)$/

export class QueryProbe implements Disposable {
  /** For `ContextOptions`. */
  readonly callback: Pointer
  readonly #c: Bindings
  readonly #onQueries: (queries: LayerQueries) => void
  /** The address of each layer's mask. */
  readonly #masks = new Map<number, bigint>()
  #error: Error | undefined
  #disposed = false

  /** @param onQueries called for every layer of every pass, in order */
  constructor(library: LlamaLibrary, onQueries: (queries: LayerQueries) => void) {
    this.#c = library.c
    this.#onQueries = onQueries
    this.callback = koffi.register((tensor: Pointer, ask: boolean) => this.#onNode(tensor, ask), evalCallback)
  }

  /** Whether a layer sees all positions, where some see a window only; known after a pass without flash attention. */
  hasFullAttention(layer: number): boolean {
    const masks = [...this.#masks.values()]
    const lowest = masks.reduce((least, mask) => (mask < least ? mask : least), masks[0] ?? 0n)
    return this.#masks.get(layer) === lowest
  }

  /** @throws what went wrong in a pass: an exception must not cross C */
  check(): void {
    if (this.#error) throw this.#error
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    koffi.unregister(this.callback)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #onNode(tensor: Pointer, ask: boolean): boolean {
    if (this.#error) return !ask
    try {
      const name = this.#c.ggml_get_name(tensor)
      const masked = ask ? softmaxName.exec(name)?.[1] : undefined
      if (masked !== undefined) this.#noteMask(Number(masked), tensor)
      const layer = queryName.exec(name)?.[1]
      if (layer === undefined || this.#c.ggml_op_desc(tensor) !== 'ROPE') return !ask
      if (!ask) this.#read(tensor, Number(layer))
      return true
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error))
      return !ask
    }
  }

  #noteMask(layer: number, softmax: Pointer): void {
    const [, mask] = nodeOf(softmax).src
    if (mask) this.#masks.set(layer, koffi.address(mask))
  }

  /** Shape of the tensor: head size x heads x tokens, float32. */
  #read(tensor: Pointer, layer: number): void {
    const { head, op_params: parameters, src } = nodeOf(tensor)
    const [headSize = 0, heads = 0, tokens = 0, batches = 0] = head.ne.map(Number)
    const [, positionsOf, factorsOf] = src
    if (head.type !== ggmlType.f32 || batches !== 1 || !positionsOf)
      throw new EngineError('query_shape', 'the queries of this model have an unknown form')
    const values = new Float32Array(headSize * heads * tokens)
    const positions = new Int32Array(tokens)
    this.#c.ggml_backend_tensor_get(tensor, values, 0, values.byteLength)
    this.#c.ggml_backend_tensor_get(positionsOf, positions, 0, positions.byteLength)
    const rotation = rotationOf(Int32Array.from(parameters), factorsOf ? this.#factors(factorsOf) : undefined)
    rotateBackByPosition(values, headSize, positions, rotation)
    this.#onQueries({ layer, tokens, heads, headSize, values, rotation })
  }

  #factors(tensor: Pointer): Float32Array {
    const { ne } = koffi.decode(tensor, tensorHead) as TensorNode['head']
    const factors = new Float32Array(Number(ne[0]))
    this.#c.ggml_backend_tensor_get(tensor, factors, 0, factors.byteLength)
    return factors
  }
}

function nodeOf(tensor: Pointer): TensorNode {
  return koffi.decode(tensor, tensorSources) as TensorNode
}

/** Undoes the rotation of all heads of each token, in place. */
function rotateBackByPosition(values: Float32Array, headSize: number, positions: Int32Array, rotation: Rotation): void {
  const { frequencies, scale } = rotation
  const perToken = values.length / positions.length
  for (let f = 0; f < frequencies.length; f++) {
    const [first, second] = pairOf(rotation, f)
    for (const [token, position] of positions.entries()) {
      const angle = position * (frequencies[f] ?? NaN)
      const cos = Math.cos(angle) / scale
      const sin = Math.sin(angle) / scale
      for (let start = token * perToken; start < (token + 1) * perToken; start += headSize) {
        const x = values[start + first] as number
        const y = values[start + second] as number
        values[start + first] = x * cos + y * sin
        values[start + second] = y * cos - x * sin
      }
    }
  }
}
