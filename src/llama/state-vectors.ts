/**
 * Keys and values as float32, layer by layer, from the saved state of a sequence. The format is that of
 * `llama_kv_cache::state_write_data` in llama.cpp v0.4 and v0.5.
 */
import { EngineError } from '../errors.ts'
import type { FloatRows } from './float-rows.ts'
import { StateReader } from './sequence-state.ts'
import { ggmlType } from './structs.ts'

/** The keys, or the values, of one layer. */
export interface LayerVectors {
  /** Row after row in cell order, each of (key heads x head size) numbers. */
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
  readonly floats: FloatRows
}

/** Keys or values of one layer as they are stored. */
interface StoredLayer {
  readonly type: number
  /** Of all rows. */
  readonly bytes: Uint8Array
  /** Stored channel by channel. */
  readonly isTransposed?: boolean
}

interface Header {
  readonly isTransposed: boolean
  readonly layers: number
}

/**
 * The values are valid until the next layer is asked for.
 * @param rows of which cells, in this order. Default: all, in cell order
 */
export function* layerKeys(data: StateData, rows?: Int32Array): Generator<LayerVectors, void, undefined> {
  // Of an empty sequence nothing follows the positions.
  if (data.rows === 0) return
  const reader = new StateReader(data.state, data.dataOffset)
  const { layers } = readHeader(reader)
  const wanted = wantedOf(rows, data.rows)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const type = reader.u32()
    const bytes = reader.bytes(reader.u64() * data.rows)
    values = readRows(data, { type, bytes }, wanted, values)
    yield layerOf(type, values)
  }
}

/**
 * As `layerKeys`. Without flash attention they are stored channel by channel, and are turned to rows here.
 * @throws EngineError `state_format` where a layer has none, as with latent attention
 */
export function* layerValues(data: StateData, rows?: Int32Array): Generator<LayerVectors, void, undefined> {
  if (data.rows === 0) return
  const { reader, isTransposed, layers } = atValues(data)
  const wanted = wantedOf(rows, data.rows)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const { type, bytes } = valueBytes(reader, isTransposed)
    values = readRows(data, { type, bytes: reader.bytes(bytes * data.rows), isTransposed }, wanted, values)
    yield layerOf(type, values)
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

function layerOf(type: number, values: Float32Array): LayerVectors {
  return { values, isQuantised: type === ggmlType.q8_0 }
}

/** The rows that are wanted, checked; of undefined all. */
function wantedOf(rows: Int32Array | undefined, all: number): Int32Array {
  for (const row of rows ?? []) if (!(row >= 0 && row < all)) throw new RangeError(`row ${row} of ${all}`)
  return rows ?? Int32Array.from({ length: all }, (_, row) => row)
}

function reused(values: Float32Array, length: number): Float32Array {
  return values.length === length ? values : new Float32Array(length)
}

const q8Block = 34

/** How many numbers so many bytes are. @throws EngineError `state_format` for a type that is not read here */
function countOf(type: number, bytes: number): number {
  if (type === ggmlType.f32) return bytes / 4
  if (type === ggmlType.f16) return bytes / 2
  if (type === ggmlType.q8_0) return (bytes / q8Block) * 32
  throw new EngineError('state_format', `keys and values of ggml type ${type} cannot be read`)
}

/** Rows that are brought together, or turned, at once. */
const blockRows = 512

/** The numbers of these rows. @param values is used again if it has the right length */
function readRows(
  { floats, rows }: StateData,
  { type, bytes, isTransposed = false }: StoredLayer,
  wanted: Int32Array,
  values: Float32Array,
): Float32Array {
  const rowBytes = bytes.length / rows
  const width = countOf(type, rowBytes)
  const to = reused(values, width * wanted.length)
  const block = new Uint8Array(rowBytes * Math.min(blockRows, wanted.length))
  for (let first = 0; first < wanted.length; first += blockRows) {
    const some = wanted.subarray(first, first + blockRows)
    const [start = 0, count] = [some[0], some.length]
    let from: Uint8Array = block.subarray(0, rowBytes * count)
    if (isTransposed) turnColumns(type, bytes, rows, some, from)
    else if (some.every((row, i) => row === start + i))
      from = bytes.subarray(start * rowBytes, (start + count) * rowBytes)
    else some.forEach((row, i) => from.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), i * rowBytes))
    floats.convert(type, from, width, to.subarray(first * width, (first + count) * width))
  }
  return to
}

/** From channels x all rows to some rows x channels. @throws EngineError `state_format` */
function turnColumns(type: number, from: Uint8Array, all: number, some: Int32Array, to: Uint8Array): void {
  if (type === ggmlType.f16) transpose(asNumbers(from, Uint16Array), all, some, asNumbers(to, Uint16Array))
  else if (type === ggmlType.f32) transpose(asNumbers(from, Uint32Array), all, some, asNumbers(to, Uint32Array))
  else throw new EngineError('state_format', `values of ggml type ${type} are not stored by channels`)
}

/** A view, or a copy of bytes that no such array can begin at. */
function asNumbers<T>(
  bytes: Uint8Array,
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
): T {
  const { buffer, byteOffset } = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
  return new type(buffer, byteOffset, bytes.length / type.BYTES_PER_ELEMENT)
}

/** Rows that are turned at once: what is written stays in the processor's nearest cache. */
const turnedRows = 32

function transpose<T extends Uint16Array | Uint32Array>(from: T, all: number, some: Int32Array, to: T): void {
  const width = from.length / all
  for (let first = 0; first < some.length; first += turnedRows) {
    const end = Math.min(first + turnedRows, some.length)
    // Four channels at a time, so that what is written lies together; in the last turn some may be written twice.
    for (let turn = 0; turn < width; turn += 4) {
      const start = Math.max(0, Math.min(turn, width - 4))
      const [a, b, c, d] = [0, 1, 2, 3].map((i) => Math.min(start + i, width - 1)) as [number, number, number, number]
      for (let i = first; i < end; i++) {
        const row = some[i] as number
        const at = i * width
        to[at + a] = from[a * all + row] as number
        to[at + b] = from[b * all + row] as number
        to[at + c] = from[c * all + row] as number
        to[at + d] = from[d * all + row] as number
      }
    }
  }
}
