/**
 * The caches that a saved state consists of. A model with sliding windows has two, one for the layers with full attention and one for
 * the others (llama.cpp v0.5.0, `llama_kv_cache_iswa::state_write`); what recurrent layers keep is behind them and is not read.
 */
import type { LlamaModel } from './model.ts'
import { readPositions, StateReader } from './sequence-state.ts'

/** The cells of one cache. */
export interface StatePart {
  /** In cell order. */
  readonly positions: Int32Array
  readonly layers: number
  /** Of one cell's keys and values in all of them. */
  readonly bytes: number
}

export interface StateParts {
  readonly full: StatePart
  /** Of the layers with a window: undefined where there are none, and of a hybrid. */
  readonly window: StatePart | undefined
}

export function stateParts(
  state: Uint8Array,
  model: Pick<LlamaModel, 'hasCoordinates' | 'hasWindow' | 'isHybrid' | 'valuesNotReadable'>,
): StateParts {
  const reader = new StateReader(state, 8) // magic and sequence id
  const full = readPart(reader, model)
  // Some files state a window that their model does not use.
  const hasSecond = model.hasWindow && !model.isHybrid && !reader.isAtEnd
  return { full, window: hasSecond ? readPart(reader, model) : undefined }
}

function readPart(reader: StateReader, model: Pick<LlamaModel, 'hasCoordinates' | 'valuesNotReadable'>): StatePart {
  let part: StatePart = { positions: new Int32Array(0), layers: 0, bytes: 0 }
  for (let streams = reader.u32(); streams > 0; streams--) {
    const count = reader.u32()
    if (count === 0) continue
    const positions = readPositions(reader, count, model)
    part = { positions, ...skipData(reader, count, model.valuesNotReadable === undefined) }
  }
  return part
}

function skipData(reader: StateReader, rows: number, hasValues: boolean): { layers: number; bytes: number } {
  const isTransposed = reader.u32() !== 0
  const layers = reader.u32()
  let bytes = 0
  const skip = (rowBytes: number) => {
    reader.skip(rowBytes * rows)
    bytes += rowBytes
  }
  for (let layer = 0; layer < layers; layer++) {
    reader.skip(4) // type
    skip(reader.u64())
  }
  for (let layer = 0; hasValues && layer < layers; layer++) {
    reader.skip(4)
    skip(isTransposed ? reader.u32() * reader.u32() : reader.u64())
  }
  return { layers, bytes }
}
