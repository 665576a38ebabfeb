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
 * @throws EngineError `compaction_failed`
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
 * Cached keys (after RoPE) of a sequence, with the position of each row. Those of a quantised cache are rotated within each
 * head, as llama.cpp keeps them: products and cosines are those of the keys.
 */
export function readKeys(context: LlamaContext, sequence: number): { positions: Int32Array; layers: LayerKeys[] } {
  const state = saveSequence(context, sequence)
  const { positions, dataOffset } = parseState(state)
  const reader = new Reader(state, dataOffset)
  reader.skip(4) // whether values are transposed
  const layers = Array.from({ length: reader.u32() }, () => {
    const type = reader.u32()
    const rowBytes = reader.u64()
    const bytes = reader.bytes(rowBytes * positions.length)
    const values = toFloat32(type, bytes)
    return { rows: positions.length, width: values.length / Math.max(1, positions.length), values }
  })
  return { positions, layers }
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

  bytes(count: number): Uint8Array {
    this.offset += count
    return this.#bytes.slice(this.offset - count, this.offset)
  }
}

const ggmlType = { f32: 0, f16: 1, q8_0: 8 }

function toFloat32(type: number, bytes: Uint8Array): Float32Array {
  if (type === ggmlType.f32) return new Float32Array(bytes.buffer)
  if (type === ggmlType.f16) return Float32Array.from(new Float16Array(bytes.buffer))
  if (type === ggmlType.q8_0) return dequantize(bytes)
  throw new EngineError('state_format', `keys of ggml type ${type} cannot be read`)
}

/** q8_0: blocks of a float16 scale and 32 signed bytes. */
function dequantize(bytes: Uint8Array): Float32Array {
  const blocks = bytes.length / 34
  const values = new Float32Array(blocks * 32)
  for (let block = 0; block < blocks; block++) {
    const scale = new Float16Array(bytes.slice(block * 34, block * 34 + 2).buffer)[0] ?? 0
    const quants = new Int8Array(bytes.buffer, bytes.byteOffset + block * 34 + 2, 32)
    quants.forEach((quant, i) => (values[block * 32 + i] = quant * scale))
  }
  return values
}
