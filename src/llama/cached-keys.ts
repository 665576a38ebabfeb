/**
 * Cached keys, read from the saved state of a sequence. The format of the layers is that of `llama_kv_cache::state_write` in
 * llama.cpp v0.4 and v0.5.
 */
import { EngineError } from '../errors.ts'
import { float16Values } from '../float16.ts'
import type { LlamaContext } from './context.ts'
import type { LlamaModel } from './model.ts'
import { parseState, saveInto, StateBuffer, StateReader } from './sequence-state.ts'
import { ggmlType } from './structs.ts'

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

/**
 * Reads the keys layer by layer, so that only one layer at a time is held as float32.
 * @param buffer holds the state: the layers are valid until it is used again
 */
export function cachedKeys(context: LlamaContext, sequenceId: number, buffer = new StateBuffer()): StoredKeys {
  const state = saveInto(buffer, context, sequenceId)
  const { positions, dataOffset } = parseState(state, context.model)
  const firstWidth = [...layerKeys(state, dataOffset, positions.length, 1)][0]?.width ?? 0
  return {
    positions,
    headSize: headSizeOf(context.model, firstWidth),
    layers: () => valuesOf(layerKeys(state, dataOffset, positions.length)),
  }
}

/** C knows the key heads of the first layer, which may be recurrent or have a window. */
function headSizeOf(model: LlamaModel, width: number): number {
  const other = model.hasWindow || model.isHybrid
  const size = other ? model.keyLength : width / model.library.c.llama_model_n_head_kv(model.pointer)
  if (size !== undefined && size > 0 && width % size === 0) return size
  throw new EngineError('state_format', `keys of ${width} values are not whole heads`)
}

function* valuesOf(layers: Iterable<LayerKeys>): Generator<Float32Array, void, undefined> {
  for (const { values } of layers) yield values
}

/** A copy of all cached keys of a sequence, with the position of each row. */
export function readKeys(context: LlamaContext, sequenceId: number): { positions: Int32Array; layers: LayerKeys[] } {
  const state = saveInto(new StateBuffer(), context, sequenceId)
  const { positions, dataOffset } = parseState(state, context.model)
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
  // Of an empty sequence nothing follows the positions.
  if (rows === 0) return
  const reader = new StateReader(state, dataOffset)
  reader.skip(4) // whether values are transposed
  const layers = Math.min(reader.u32(), most)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const type = reader.u32()
    const rowBytes = reader.u64()
    values = toFloat32(type, reader.bytes(rowBytes * rows), values)
    yield { rows, width: values.length / rows, values }
  }
}

const q8Block = 34

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
  const table = float16Values()
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
