/**
 * The saved state of one sequence: used to rewrite its cells contiguously (compaction), to read cached keys, and to fill a
 * cache without a prefill. The format is that of `llama_kv_cache::state_write` in llama.cpp v0.4 and v0.5.
 */
import { Float16Array } from '@petamoriken/float16'
import { EngineError } from '../errors.ts'
import type { LlamaContext } from './context.ts'

/** Keeps the cells' data on the device; the host sees only the positions. */
const onDevice = 2

/** Memory that is reused from one compaction to the next. */
export class StateBuffer {
  #bytes = new Uint8Array(0)

  /** At least `length` bytes. */
  reserve(length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    return this.#bytes
  }

  get byteLength(): number {
    return this.#bytes.length
  }
}

/**
 * Rewrites a sequence's cells contiguously, so that attention no longer runs over the holes that an eviction left.
 * @throws EngineError `save_failed`, `restore_failed`
 */
export function compactSequence(context: LlamaContext, sequence: number, buffer: StateBuffer): void {
  const slots = context.slots[sequence]
  if (!slots) throw new RangeError(`sequence ${sequence} of ${context.sequences}`)
  // With transposed values llama.cpp runs out of its own buffer for states on the device, and aborts.
  const flags = context.model.usesGpu && context.flashAttention ? onDevice : 0
  const state = save(context, sequence, buffer, flags)
  restore(context, sequence, state, flags)
  slots.compact()
}

/** A copy of the sequence's state. Restore it with `restoreSequence`, into a context of the same model and cache type. */
export function saveSequence(context: LlamaContext, sequence: number): Uint8Array {
  return save(context, sequence, new StateBuffer(), 0).slice()
}

/**
 * Replaces a sequence's cells by a saved state.
 * @throws EngineError `restore_failed`
 */
export function restoreSequence(context: LlamaContext, sequence: number, state: Uint8Array): void {
  const { positions } = parseState(state)
  context.clear(sequence)
  restore(context, sequence, state, 0)
  const slots = context.slots[sequence]
  for (const position of positions) slots?.append(position, 1)
}

function save(context: LlamaContext, sequence: number, buffer: StateBuffer, flags: number): Uint8Array {
  context.checkSequence(sequence)
  const { c } = context.model.library
  const size = c.llama_state_seq_get_size_ext(context.pointer, sequence, flags)
  const bytes = buffer.reserve(size)
  const written = c.llama_state_seq_get_data_ext(context.pointer, bytes, size, sequence, flags)
  if (size === 0 || written !== size) throw new EngineError('save_failed', `sequence ${sequence} could not be saved`)
  return bytes.subarray(0, size)
}

function restore(context: LlamaContext, sequence: number, state: Uint8Array, flags: number): void {
  const { c } = context.model.library
  const read = c.llama_state_seq_set_data_ext(context.pointer, state, state.length, sequence, flags)
  if (read !== state.length) throw new EngineError('restore_failed', `sequence ${sequence} could not be restored`)
}

/** The keys of one layer: `rows` x `width` values in cell order, `width` = key heads x head size. */
export interface LayerKeys {
  readonly rows: number
  readonly width: number
  readonly values: Float32Array
}

/**
 * Cached keys (after RoPE) of a sequence. Those of a quantised cache are rotated within each head, as llama.cpp keeps them:
 * products and cosines are those of the keys.
 */
export interface StoredKeys {
  /** Position of each row, in the order of the cells. Shape [n]. */
  readonly positions: Int32Array
  /** Values of one key head. */
  readonly headSize: number
  /** Layer by layer the n rows of (key heads x head size) values; each array is valid until the next. */
  readonly layers: () => Iterable<Float32Array>
}

/** Reads the keys layer by layer, so that only one layer at a time is held as float32. */
export function cachedKeys(context: LlamaContext, sequence: number, buffer = new StateBuffer()): StoredKeys {
  const state = save(context, sequence, buffer, 0)
  const { positions, dataOffset } = parseState(state)
  const { pointer, library } = context.model
  const keyHeads = library.c.llama_model_n_head_kv(pointer)
  const firstWidth = [...layerKeys(state, dataOffset, positions.length, 1)][0]?.width ?? 0
  return {
    positions,
    headSize: firstWidth / keyHeads,
    layers: () => valuesOf(layerKeys(state, dataOffset, positions.length)),
  }
}

function* valuesOf(layers: Iterable<LayerKeys>): Generator<Float32Array, void, undefined> {
  for (const { values } of layers) yield values
}

/** A copy of all cached keys of a sequence, with the position of each row. */
export function readKeys(context: LlamaContext, sequence: number): { positions: Int32Array; layers: LayerKeys[] } {
  const state = save(context, sequence, new StateBuffer(), 0)
  const { positions, dataOffset } = parseState(state)
  const layers = Array.from(layerKeys(state, dataOffset, positions.length), (layer) => {
    return { ...layer, values: layer.values.slice() }
  })
  return { positions, layers }
}

/** The values are float32 and valid until the next layer is asked for. */
function* layerKeys(
  state: Uint8Array,
  dataOffset: number,
  rows: number,
  most = Infinity,
): Generator<LayerKeys, void, undefined> {
  const reader = new Reader(state, dataOffset)
  reader.skip(4) // whether values are transposed
  const layers = Math.min(reader.u32(), most)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const type = reader.u32()
    const rowBytes = reader.u64()
    values = toFloat32(type, reader.bytes(rowBytes * rows), values)
    yield { rows, width: values.length / Math.max(1, rows), values }
  }
}

/** Positions in cell order, and where the layers' data begin. */
export function parseState(state: Uint8Array): { positions: Int32Array; dataOffset: number } {
  const reader = new Reader(state, 8) // magic and sequence id
  let positions = new Int32Array(0)
  for (let streams = reader.u32(); streams > 0; streams--) {
    const count = reader.u32()
    if (count === 0) continue
    positions = new Int32Array(count)
    for (let i = 0; i < count; i++) {
      positions[i] = reader.u32()
      const ids = reader.u32()
      if (ids !== 1) throw new EngineError('state_format', 'a saved cell does not belong to exactly one sequence')
      reader.skip(4)
    }
    break
  }
  return { positions, dataOffset: reader.offset }
}

class Reader {
  offset: number
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
  }

  u32(): number {
    this.offset += 4
    return this.#view.getUint32(this.offset - 4, true)
  }

  u64(): number {
    this.offset += 8
    return Number(this.#view.getBigUint64(this.offset - 8, true))
  }

  skip(count: number): void {
    this.offset += count
  }

  /** A view. */
  bytes(count: number): Uint8Array {
    this.offset += count
    return this.#bytes.subarray(this.offset - count, this.offset)
  }
}

const ggmlType = { f32: 0, f16: 1, q8_0: 8 }
const q8Block = 34

/** The value of every float16, by its bits. */
let float16Values: Float32Array | undefined

/** @param values is used again if it has the right length */
function toFloat32(type: number, bytes: Uint8Array, values: Float32Array): Float32Array {
  const length =
    type === ggmlType.f32 ? bytes.length / 4 : type === ggmlType.f16 ? bytes.length / 2 : (bytes.length / q8Block) * 32
  const to = values.length === length ? values : new Float32Array(length)
  if (type === ggmlType.f32) new Uint8Array(to.buffer).set(bytes)
  else if (type === ggmlType.f16) widen(bytes, to)
  else if (type === ggmlType.q8_0) dequantize(bytes, to)
  else throw new EngineError('state_format', `keys of ggml type ${type} cannot be read`)
  return to
}

function widen(bytes: Uint8Array, to: Float32Array): void {
  float16Values ??= Float32Array.from(new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer))
  const table = float16Values
  for (let i = 0; i < to.length; i++) to[i] = table[(bytes[2 * i] ?? 0) | ((bytes[2 * i + 1] ?? 0) << 8)] ?? NaN
}

/** q8_0: blocks of a float16 scale and 32 signed bytes. */
function dequantize(bytes: Uint8Array, to: Float32Array): void {
  const scale = new Float32Array(1)
  for (let block = 0; block * 32 < to.length; block++) {
    const from = block * q8Block
    widen(bytes.subarray(from, from + 2), scale)
    for (let i = 0; i < 32; i++) to[block * 32 + i] = (((bytes[from + 2 + i] ?? 0) << 24) >> 24) * (scale[0] ?? 0)
  }
}
