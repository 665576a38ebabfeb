/**
 * The saved state of one sequence: used to rewrite its cells contiguously (compaction), to read cached keys and values, and to fill a
 * cache without a prefill. The format is that of `llama_kv_cache::state_write` in llama.cpp v0.4 and v0.5.
 */
import { EngineError } from '../errors.ts'
import type { CellLayout } from './cell-layout.ts'
import type { LlamaContext } from './context.ts'
import type { LlamaModel } from './model.ts'
import { checkRange, type PositionRange } from './sequence-memory.ts'
import { selectCells } from './state-selection.ts'

/** Keeps the cells' data on the device; the host sees only the positions. */
const onDevice = 2

/** Memory that is reused from one saving to the next; what is saved is kept as long as the sequence's cells are the same. */
export class StateBuffer {
  #bytes = new Uint8Array(0)
  #saved: { readonly layout: CellLayout; readonly changes: number; readonly length: number } | undefined

  /** At least `length` bytes. */
  reserve(length: number): Uint8Array {
    this.#saved = undefined
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    return this.#bytes
  }

  /** Notes that the first bytes are the state of a sequence. */
  note(layout: CellLayout, length: number): Uint8Array {
    this.#saved = { layout, changes: layout.changes, length }
    return this.#bytes.subarray(0, length)
  }

  /** The state of a sequence as it is now; undefined: it is not here. */
  stateOf(layout: CellLayout): Uint8Array | undefined {
    if (this.#saved?.layout !== layout || this.#saved.changes !== layout.changes) return undefined
    return this.#bytes.subarray(0, this.#saved.length)
  }
}

/** So many ranges are copied one by one as fast as all cells together, of which the others are taken. */
const mostRanges = 16

/** See `LlamaContext.compact`. */
export function compactSequence(
  context: LlamaContext,
  sequenceId: number,
  without: readonly PositionRange[],
  buffer: StateBuffer,
): void {
  const layout = context.layoutOf(sequenceId)
  for (const [p0, p1] of without) checkRange(p0, p1)
  const flags = context.keepsStatesOnDevice ? onDevice : 0
  // llama.cpp copies transposed values number by number where the cells are scattered.
  const isScattered = without.length > mostRanges && !context.flashAttention && !context.model.isHybrid
  if (isScattered) {
    const state = saveInto(buffer, context, sequenceId)
    for (const [p0, p1] of without) layout.remove(p0, p1)
    const staying = new Set(layout.positions)
    restore(
      context,
      sequenceId,
      selectCells(state, context.model, (position) => staying.has(position)),
      0,
    )
  } else {
    for (const [p0, p1] of without) context.remove(sequenceId, p0, p1)
    restore(context, sequenceId, save(buffer, context, sequenceId, flags), flags)
  }
  layout.compact()
}

/** See `LlamaContext.save`. */
export function saveSequence(context: LlamaContext, sequenceId: number): Uint8Array {
  return saveInto(new StateBuffer(), context, sequenceId).slice()
}

/** See `LlamaContext.restore`. */
export function restoreSequence(context: LlamaContext, sequenceId: number, state: Uint8Array): void {
  const { positions } = parseState(state, context.model)
  context.clear(sequenceId)
  restore(context, sequenceId, state, 0)
  context.layoutOf(sequenceId).restore(positions)
}

/**
 * The sequence's state, in the buffer: valid until the buffer is used again.
 * @throws EngineError `save_failed`
 */
export function saveInto(buffer: StateBuffer, context: LlamaContext, sequenceId: number): Uint8Array {
  const layout = context.layoutOf(sequenceId)
  return buffer.stateOf(layout) ?? buffer.note(layout, save(buffer, context, sequenceId, 0).length)
}

function save(buffer: StateBuffer, context: LlamaContext, sequenceId: number, flags: number): Uint8Array {
  const { c } = context.model.library
  const size = c.llama_state_seq_get_size_ext(context.pointer, sequenceId, flags)
  const bytes = buffer.reserve(size)
  const written = c.llama_state_seq_get_data_ext(context.pointer, bytes, size, sequenceId, flags)
  if (size === 0 || written !== size) throw new EngineError('save_failed', `sequence ${sequenceId} could not be saved`)
  return bytes.subarray(0, size)
}

function restore(context: LlamaContext, sequenceId: number, state: Uint8Array, flags: number): void {
  const { c } = context.model.library
  const read = c.llama_state_seq_set_data_ext(context.pointer, state, state.length, sequenceId, flags)
  if (read === state.length) return
  // What llama.cpp has left of the sequence is not known.
  context.clear(sequenceId)
  throw new EngineError('restore_failed', `sequence ${sequenceId} could not be restored`)
}

/** Three int32, as v0.5 writes them. */
const coordinateBytes = 12

/** Positions in cell order, and where the layers' data begin. */
export function parseState(
  state: Uint8Array,
  model: Pick<LlamaModel, 'hasCoordinates'>,
): { positions: Int32Array; dataOffset: number } {
  const reader = new StateReader(state, 8) // magic and sequence id
  let positions = new Int32Array(0)
  for (let streams = reader.u32(); streams > 0; streams--) {
    const count = reader.u32()
    if (count === 0) continue
    positions = readPositions(reader, count, model)
    break
  }
  return { positions, dataOffset: reader.offset }
}

/** Positions of so many cells, in cell order. @throws EngineError `state_format` */
export function readPositions(
  reader: StateReader,
  count: number,
  { hasCoordinates }: Pick<LlamaModel, 'hasCoordinates'>,
): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: count }, () => {
    const position = reader.u32()
    const ids = reader.u32()
    if (ids !== 1) throw new EngineError('state_format', 'a saved cell does not belong to exactly one sequence')
    reader.skip(hasCoordinates ? coordinateBytes + 4 : 4)
    return position
  })
}

/** Reads a state value by value. */
export class StateReader {
  offset: number
  readonly #bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.offset = offset
  }

  get isAtEnd(): boolean {
    return this.offset >= this.#bytes.length
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
