/**
 * Keys and values as float32, layer by layer, from the saved state of a sequence. The format is that of
 * `llama_kv_cache::state_write_data` in llama.cpp v0.4 and v0.5.
 */
import { EngineError } from '../errors.ts'
import { float16Values } from '../float16.ts'
import { StateReader } from './sequence-state.ts'
import { ggmlType } from './structs.ts'

/** The keys, or the values, of one layer: `rows` x `width` numbers in cell order, `width` = key heads x head size. */
export interface LayerVectors {
  readonly rows: number
  readonly width: number
  readonly values: Float32Array
  readonly isQuantised: boolean
}

/** Where the cells' data lie in a saved state. */
export interface StateData {
  readonly state: Uint8Array
  /** Of the first layer's part. */
  readonly dataOffset: number
  /** Cells. */
  readonly rows: number
}

interface Header {
  readonly isTransposed: boolean
  readonly layers: number
}

/** The values are valid until the next layer is asked for. */
export function* layerKeys(data: StateData): Generator<LayerVectors, void, undefined> {
  // Of an empty sequence nothing follows the positions.
  if (data.rows === 0) return
  const reader = new StateReader(data.state, data.dataOffset)
  const { layers } = readHeader(reader)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const type = reader.u32()
    values = toFloat32(type, reader.bytes(reader.u64() * data.rows), values)
    yield layerOf(type, data.rows, values)
  }
}

/**
 * As `layerKeys`. Without flash attention they are stored channel by channel, and are turned to rows here.
 * @throws EngineError `state_format` where a layer has none, as with latent attention
 */
export function* layerValues(data: StateData): Generator<LayerVectors, void, undefined> {
  const { rows } = data
  if (rows === 0) return
  const { reader, isTransposed, layers } = atValues(data)
  let values: Float32Array = new Float32Array(0)
  let turned: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const { type, bytes } = valueBytes(reader, isTransposed)
    values = toFloat32(type, reader.bytes(bytes * rows), values)
    if (isTransposed) turned = transpose(values, rows, turned)
    yield layerOf(type, rows, isTransposed ? turned : values)
  }
}

/** Numbers in a row of the first layer's keys. */
export function keyWidth(data: StateData): number {
  if (data.rows === 0) return 0
  const reader = new StateReader(data.state, data.dataOffset)
  if (readHeader(reader).layers === 0) return 0
  const type = reader.u32()
  return countOf(type, reader.u64())
}

/** Numbers in a row of the first layer's values. @throws EngineError `state_format` */
export function valueWidth(data: StateData): number {
  if (data.rows === 0) return 0
  const { reader, isTransposed } = atValues(data)
  const { type, bytes } = valueBytes(reader, isTransposed)
  return countOf(type, bytes)
}

function readHeader(reader: StateReader): Header {
  return { isTransposed: reader.u32() !== 0, layers: reader.u32() }
}

/** A reader behind the keys of all layers. */
function atValues({ state, dataOffset, rows }: StateData): Header & { readonly reader: StateReader } {
  const reader = new StateReader(state, dataOffset)
  const header = readHeader(reader)
  for (let layer = 0; layer < header.layers; layer++) {
    reader.skip(4)
    reader.skip(reader.u64() * rows)
  }
  return { ...header, reader }
}

/** The header of a layer's values; bytes of one cell's. */
function valueBytes(reader: StateReader, isTransposed: boolean): { type: number; bytes: number } {
  if (reader.isAtEnd) throw new EngineError('state_format', 'this cache has no values')
  const type = reader.u32()
  return { type, bytes: isTransposed ? reader.u32() * reader.u32() : reader.u64() }
}

function layerOf(type: number, rows: number, values: Float32Array): LayerVectors {
  return { rows, width: values.length / rows, values, isQuantised: type === ggmlType.q8_0 }
}

/** From channels x rows to rows x channels. @param to is used again if it has the right length */
function transpose(from: Float32Array, rows: number, to: Float32Array): Float32Array {
  const turned = to.length === from.length ? to : new Float32Array(from.length)
  const width = from.length / rows
  // A few channels at a time, so that what is written lies together.
  for (let first = 0; first < width; first += 16) {
    const end = Math.min(width, first + 16)
    for (let row = 0; row < rows; row++) {
      for (let channel = first; channel < end; channel++) {
        turned[row * width + channel] = from[channel * rows + row] as number
      }
    }
  }
  return turned
}

const q8Block = 34

/** How many numbers so many bytes are. @throws EngineError `state_format` for a type that is not read here */
function countOf(type: number, bytes: number): number {
  if (type === ggmlType.f32) return bytes / 4
  if (type === ggmlType.f16) return bytes / 2
  if (type === ggmlType.q8_0) return (bytes / q8Block) * 32
  throw new EngineError('state_format', `keys and values of ggml type ${type} cannot be read`)
}

/** @param values is used again if it has the right length */
function toFloat32(type: number, bytes: Uint8Array, values: Float32Array): Float32Array {
  const length = countOf(type, bytes.length)
  const to = values.length === length ? values : new Float32Array(length)
  if (type === ggmlType.f32) new Uint8Array(to.buffer).set(bytes)
  else if (type === ggmlType.f16) widen(bytes, to)
  else dequantize(bytes, to)
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
