/**
 * A cache that is full without a prefill: a saved state with random keys and values, in the format of llama.cpp's
 * `llama_kv_cache::state_write` (see src/llama/sequence-state.ts). How long attention takes depends on how many cells
 * there are, not on what they hold.
 */
import { Float16Array } from '@petamoriken/float16'
import { parseState, restoreSequence, saveSequence, type LlamaContext } from '../src/llama/index.ts'
import { Random } from './random.ts'

/** What differs between models and contexts, read from a state of one cell. */
interface Layout {
  /** Magic number, sequence id, number of streams, and a 0 for each stream that comes before the sequence's own. */
  readonly start: Uint8Array
  /** A 0 for each stream that comes after it. */
  readonly end: Uint8Array
  /** From one position to the next. */
  readonly cellBytes: number
  readonly sequenceId: number
  /** Values are stored by element instead of by cell. */
  readonly transposed: boolean
  readonly keys: readonly LayerLayout[]
  readonly values: readonly LayerLayout[]
}

interface LayerLayout {
  /** What stands before the data: type and sizes. */
  readonly header: Uint8Array
  /** Of one cell. */
  readonly bytes: number
}

export interface FillOptions {
  /**
   * The mean of the random keys and values, whose deviation is 1. With 0, the default, no key is like another; with 2 the
   * cosine of any two keys of a head is about 0.8.
   */
  readonly mean?: number
}

/** Lets a sequence hold cells of these positions (ascending) and of no others. */
export function fillCache(
  context: LlamaContext,
  sequenceId: number,
  positions: Int32Array,
  { mean = 0 }: FillOptions = {},
): void {
  const pool = randomHalves(mean)
  restoreSequence(context, sequenceId, randomState(readLayout(context, sequenceId), positions, pool))
}

function randomState(layout: Layout, positions: Int32Array, pool: Uint8Array): Uint8Array {
  const cells = positions.length
  const layers = [...layout.keys, ...layout.values]
  const dataBytes = layers.reduce((sum, { header, bytes }) => sum + header.length + bytes * cells, 0)
  const { start, end, cellBytes } = layout
  const writer = new Writer(start.length + 4 + cells * cellBytes + 8 + dataBytes + end.length)
  writer.bytes(start)
  writer.u32(cells)
  for (const position of positions) {
    writer.u32(position)
    writer.u32(1) // sequences that the cell belongs to
    writer.u32(layout.sequenceId)
  }
  writer.u32(layout.transposed ? 1 : 0)
  writer.u32(layout.keys.length)
  for (const { header, bytes } of layers) {
    writer.bytes(header)
    writer.fill(pool, bytes * cells)
  }
  writer.bytes(end)
  return writer.whole()
}

/** Decodes one token to see what a saved state looks like here. */
function readLayout(context: LlamaContext, sequenceId: number): Layout {
  context.clear(sequenceId)
  context.append(sequenceId, [0], 0, 'none')
  const state = saveSequence(context, sequenceId)
  context.clear(sequenceId)
  const view = new DataView(state.buffer, state.byteOffset, state.length)
  const { dataOffset } = parseState(state, context.model)
  let countOffset = 12
  while (view.getUint32(countOffset, true) === 0) countOffset += 4
  const transposed = view.getUint32(dataOffset, true) === 1
  const layers = view.getUint32(dataOffset + 4, true)
  let offset = dataOffset + 8
  const f16 = 1
  const read = (isTransposed: boolean): LayerLayout => {
    if (view.getUint32(offset, true) !== f16) throw new Error('only a cache of type f16 can be filled')
    // By cell: type (u32), bytes of a row (u64). By element: type (u32), bytes of an element (u32), elements (u32).
    const bytes = isTransposed
      ? view.getUint32(offset + 4, true) * view.getUint32(offset + 8, true)
      : Number(view.getBigUint64(offset + 4, true))
    const layout = { header: state.slice(offset, offset + 12), bytes }
    offset += 12 + bytes
    return layout
  }
  const keys = Array.from({ length: layers }, () => read(false))
  const values = Array.from({ length: layers }, () => read(transposed))
  const end = state.slice(offset)
  if (end.some((byte) => byte !== 0)) throw new Error('the format of a saved sequence is not the one that is known')
  return { start: state.slice(0, countOffset), end, cellBytes: 12, sequenceId, transposed, keys, values }
}

/** By their mean. */
const pools = new Map<number, Uint8Array>()

/** About 1 MiB of float16 numbers with deviation 1. Their number is odd: no two rows of keys begin with the same one. */
function randomHalves(mean: number): Uint8Array {
  const known = pools.get(mean)
  if (known) return known
  const random = new Random(1)
  const values = new Float16Array(2 ** 19 - 1)
  for (let i = 0; i < values.length; i++) values[i] = mean + random.uniform(1)
  const pool = new Uint8Array(values.buffer)
  pools.set(mean, pool)
  return pool
}

class Writer {
  readonly #whole: Uint8Array
  readonly #view: DataView
  #offset = 0

  constructor(length: number) {
    this.#whole = new Uint8Array(length)
    this.#view = new DataView(this.#whole.buffer)
  }

  u32(value: number): void {
    this.#view.setUint32(this.#offset, value, true)
    this.#offset += 4
  }

  bytes(bytes: Uint8Array): void {
    this.#whole.set(bytes, this.#offset)
    this.#offset += bytes.length
  }

  /** `length` bytes, repeating `pattern`. */
  fill(pattern: Uint8Array, length: number): void {
    for (let left = length; left > 0; left -= pattern.length)
      this.bytes(pattern.subarray(0, Math.min(left, pattern.length)))
  }

  whole(): Uint8Array {
    if (this.#offset !== this.#whole.length) throw new Error('the state has another length than planned')
    return this.#whole
  }
}
