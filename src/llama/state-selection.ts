/** Some of the cells of a saved state. The format is that of `llama_kv_cache::state_write` in llama.cpp v0.4 and v0.5. */
import { EngineError } from '../errors.ts'
import type { LlamaModel } from './model.ts'
import { readPositions, StateReader } from './sequence-state.ts'

type StateModel = Pick<LlamaModel, 'hasCoordinates' | 'hasWindow' | 'valuesNotReadable'>

/**
 * Leaves all other cells out of a state, in place: as llama.cpp would have saved the sequence after their removal.
 * @param state of a model without recurrent layers; what it held is gone afterwards
 * @param stays whether the cell of a position stays
 * @returns what is left, a view
 * @throws EngineError `state_format`
 */
export function selectCells(state: Uint8Array, model: StateModel, stays: (position: number) => boolean): Uint8Array {
  const copy = new InPlaceCopy(state)
  copy.bytes(8) // magic and sequence id
  copyPart(copy, model, stays)
  // Some files state a window that their model does not use.
  if (model.hasWindow && !copy.isAtEnd) copyPart(copy, model, stays)
  return copy.written
}

/** The cells of one cache. */
function copyPart(copy: InPlaceCopy, model: StateModel, stays: (position: number) => boolean): void {
  for (let streams = copy.u32(); streams > 0; streams--) {
    const count = copy.u32()
    if (count === 0) continue
    const { positions, bytes } = copy.positions(count, model)
    const staying = Uint32Array.from(positions.keys()).filter((cell) => stays(positions[cell] ?? 0))
    copy.replaceLast(staying.length)
    const { length } = copy.written
    copy.rows(bytes, count, staying)
    copyData(copy, count, staying, model.valuesNotReadable === undefined)
    // Of no cells nothing is written.
    if (staying.length === 0) copy.backTo(length)
  }
}

function copyData(copy: InPlaceCopy, count: number, staying: Uint32Array, hasValues: boolean): void {
  const isTransposed = copy.u32() !== 0
  const layers = copy.u32()
  for (let layer = 0; layer < layers; layer++) {
    copy.u32() // type
    copy.rows(copy.u64(), count, staying)
  }
  for (let layer = 0; hasValues && layer < layers; layer++) {
    copy.u32()
    if (isTransposed) copy.columns(copy.u32(), copy.u32(), count, staying)
    else copy.rows(copy.u64(), count, staying)
  }
}

/** Reads a buffer and writes, behind itself, what stays of it. */
class InPlaceCopy {
  readonly #bytes: Uint8Array
  readonly #reader: StateReader
  #written = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#reader = new StateReader(bytes, 0)
  }

  get isAtEnd(): boolean {
    return this.#reader.isAtEnd
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#written)
  }

  bytes(count: number): void {
    const { offset } = this.#reader
    this.#bytes.copyWithin(this.#written, offset, offset + count)
    this.#reader.skip(count)
    this.#written += count
  }

  u32(): number {
    const value = this.#reader.u32()
    this.#reader.skip(-4)
    this.bytes(4)
    return value
  }

  u64(): number {
    const value = this.#reader.u64()
    this.#reader.skip(-8)
    this.bytes(8)
    return value
  }

  /** Writes another number in place of the last one. */
  replaceLast(value: number): void {
    new DataView(this.#bytes.buffer, this.#bytes.byteOffset).setUint32(this.#written - 4, value, true)
  }

  /** Forgets what was written behind so many bytes. */
  backTo(length: number): void {
    this.#written = length
  }

  /** Of the cells that come next, which are not copied yet; bytes of one. */
  positions(count: number, model: StateModel): { positions: Int32Array; bytes: number } {
    const reader = new StateReader(this.#bytes, this.#reader.offset)
    const positions = readPositions(reader, count, model)
    return { positions, bytes: (reader.offset - this.#reader.offset) / count }
  }

  /** Of `count` rows those that stay. */
  rows(bytes: number, count: number, staying: Uint32Array): void {
    const start = this.#reader.offset
    for (const [first, end] of runsOf(staying)) {
      const from = start + (staying[first] as number) * bytes
      this.#bytes.copyWithin(this.#written, from, from + (end - first) * bytes)
      this.#written += (end - first) * bytes
    }
    this.#reader.skip(bytes * count)
  }

  /** Of each of the rows of `count` numbers those of the columns that stay. @param bytes of a number */
  columns(bytes: number, rows: number, count: number, staying: Uint32Array): void {
    const { buffer, byteOffset } = this.#bytes
    const numbers =
      bytes === 2
        ? new Uint16Array(buffer, 0, Math.floor(buffer.byteLength / 2))
        : new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4))
    let from = (byteOffset + this.#reader.offset) / bytes
    let to = (byteOffset + this.#written) / bytes
    if (bytes !== numbers.BYTES_PER_ELEMENT || !Number.isInteger(from) || !Number.isInteger(to))
      throw new EngineError('state_format', `values of ${bytes} bytes cannot be copied`)
    const stretches = stretchesOf(staying)
    for (let row = 0; row < rows; row++) {
      for (const { first, end, isRun } of stretches) {
        if (isRun) {
          const start = from + (staying[first] as number)
          numbers.copyWithin(to, start, start + end - first)
          to += end - first
        } else {
          for (let i = first; i < end; i++) numbers[to++] = numbers[from + (staying[i] as number)] as number
        }
      }
      from += count
    }
    this.#reader.skip(bytes * rows * count)
    this.#written += bytes * rows * staying.length
  }
}

/** Neighbours that stay: from where to where in `staying`, the end not included. */
function runsOf(staying: Uint32Array): (readonly [first: number, end: number])[] {
  const runs: (readonly [number, number])[] = []
  let first = 0
  for (let end = 1; end <= staying.length; end++) {
    if (end < staying.length && staying[end] === (staying[end - 1] as number) + 1) continue
    runs.push([first, end])
    first = end
  }
  return runs
}

/** So many numbers that lie together are copied faster in one go than one by one. */
const longRun = 32

/** Of long runs and of what is scattered between them. */
interface Stretch {
  readonly first: number
  readonly end: number
  readonly isRun: boolean
}

function stretchesOf(staying: Uint32Array): Stretch[] {
  const stretches: Stretch[] = []
  for (const [first, end] of runsOf(staying)) {
    const isRun = end - first >= longRun
    const last = stretches.at(-1)
    if (!isRun && last?.isRun === false) stretches[stretches.length - 1] = { ...last, end }
    else stretches.push({ first, end, isRun })
  }
  return stretches
}
