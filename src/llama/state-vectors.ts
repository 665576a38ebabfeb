/**
 * Keys and values as float32, layer by layer, from the saved state of a sequence. The format is that of
 * `llama_kv_cache::state_write_data` in llama.cpp v0.4 and v0.5.
 */
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
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
  readonly c: Pick<Bindings, 'ggml_fp16_to_fp32_row'>
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
  const runs = runsOf(rows, data.rows)
  let values: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const type = reader.u32()
    const rowBytes = reader.u64()
    values = readRows(data.c, type, reader.bytes(rowBytes * data.rows), rowBytes, runs, values)
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
  const wanted = runsOf(rows, data.rows)
  const runs = isTransposed ? runsOf(undefined, data.rows) : wanted
  let values: Float32Array = new Float32Array(0)
  let turned: Float32Array = new Float32Array(0)
  for (let layer = 0; layer < layers; layer++) {
    const { type, bytes } = valueBytes(reader, isTransposed)
    values = readRows(data.c, type, reader.bytes(bytes * data.rows), bytes, runs, values)
    if (isTransposed) turned = transpose(values, data.rows, turned, rows)
    yield layerOf(type, isTransposed ? turned : values)
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

/** Rows that follow each other. */
interface Run {
  readonly first: number
  readonly count: number
}

/** Neighbours in `rows` that are neighbours in the cache, too; of undefined all rows. */
function runsOf(rows: Int32Array | undefined, all: number): readonly Run[] {
  if (!rows) return [{ first: 0, count: all }]
  const runs: { first: number; count: number }[] = []
  for (const row of rows) {
    if (!(row >= 0 && row < all)) throw new RangeError(`row ${row} of ${all}`)
    const last = runs.at(-1)
    if (last && last.first + last.count === row) last.count++
    else runs.push({ first: row, count: 1 })
  }
  return runs
}

/** From channels x all rows to rows x channels. @param to is used again if it has the right length */
function transpose(from: Float32Array, all: number, to: Float32Array, some?: Int32Array): Float32Array {
  const rows = some ?? Int32Array.from({ length: all }, (_, row) => row)
  const width = from.length / all
  const turned = reused(to, rows.length * width)
  // Four channels at a time, so that what is written lies together; in the last turn some may be written twice.
  for (let turn = 0; turn < width; turn += 4) {
    const first = Math.max(0, Math.min(turn, width - 4))
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => Math.min(first + i, width - 1)) as [number, number, number, number]
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number
      const at = i * width
      turned[at + a] = from[a * all + row] as number
      turned[at + b] = from[b * all + row] as number
      turned[at + c] = from[c * all + row] as number
      turned[at + d] = from[d * all + row] as number
    }
  }
  return turned
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

/** The numbers of these rows. @param values is used again if it has the right length */
function readRows(
  c: StateData['c'],
  type: number,
  bytes: Uint8Array,
  rowBytes: number,
  runs: readonly Run[],
  values: Float32Array,
): Float32Array {
  const width = countOf(type, rowBytes)
  const to = reused(values, width * runs.reduce((sum, { count }) => sum + count, 0))
  let at = 0
  for (const { first, count } of runs) {
    const from = bytes.subarray(first * rowBytes, (first + count) * rowBytes)
    toFloat32(c, type, from, to.subarray(at, at + count * width))
    at += count * width
  }
  return to
}

function toFloat32(c: StateData['c'], type: number, bytes: Uint8Array, to: Float32Array): void {
  if (type === ggmlType.f32) new Uint8Array(to.buffer, to.byteOffset, to.byteLength).set(bytes)
  else if (type === ggmlType.f16) c.ggml_fp16_to_fp32_row(bytes, to, to.length)
  else dequantize(c, bytes, to)
}

/** q8_0: blocks of a float16 scale and 32 signed bytes. */
function dequantize(c: StateData['c'], bytes: Uint8Array, to: Float32Array): void {
  const signed = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  const blocks = to.length / 32
  const halves = new Uint8Array(2 * blocks)
  for (let block = 0; block < blocks; block++) {
    halves[2 * block] = bytes[block * q8Block] as number
    halves[2 * block + 1] = bytes[block * q8Block + 1] as number
  }
  const scales = new Float32Array(blocks)
  c.ggml_fp16_to_fp32_row(halves, scales, blocks)
  for (let block = 0; block < blocks; block++) {
    const from = block * q8Block + 2
    const scale = scales[block] as number
    for (let i = 0; i < 32; i++) to[block * 32 + i] = (signed[from + i] as number) * scale
  }
}
