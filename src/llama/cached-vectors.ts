/** Cached keys and values, read from the saved state of a sequence. */
import { EngineError } from '../errors.ts'
import type { LlamaContext } from './context.ts'
import type { FloatRows } from './float-rows.ts'
import { keyRotation, rotateBack, valueRotation } from './hadamard.ts'
import type { LlamaModel } from './model.ts'
import { parseState, saveInto, type StateBuffer } from './sequence-state.ts'
import { keyWidth, layerKeys, layerValues, valueWidth, type LayerVectors, type StateData } from './state-vectors.ts'

/** Cached keys (after RoPE) or values of a sequence. */
export interface StoredVectors {
  /** Position of each row, in the order of the cells. Shape [n]. */
  readonly positions: Int32Array
  /** Numbers of one head. */
  readonly headSize: number
  /**
   * Layer by layer the n rows of (key heads x head size) numbers; each array is valid until the next. Those of a quantised cache are
   * rotated within each head, as llama.cpp keeps them: products, norms and cosines are those of the vectors.
   * @param rows only these, in this order
   */
  readonly layers: (rows?: Int32Array) => Iterable<Float32Array>
  /** As `layers`, the rotation of a quantised cache undone: each number is that of the model's own channel. */
  readonly channels: (rows?: Int32Array) => Iterable<Float32Array>
}

/**
 * Reads keys and values layer by layer, so that only one layer at a time is held as float32.
 * @param buffer holds the state: the layers are valid until it is used again
 */
export function cachedVectors(
  context: LlamaContext,
  sequenceId: number,
  buffer: StateBuffer,
  floats: FloatRows,
): { readonly keys: StoredVectors; readonly values: () => StoredVectors } {
  const state = saveInto(buffer, context, sequenceId)
  const { positions, dataOffset } = parseState(state, context.model)
  const data: StateData = { state, dataOffset, rows: positions.length, floats }
  const width = keyWidth(data)
  const headSize = headSizeOf(context.model, width)
  return {
    keys: stored(positions, headSize, keyRotation(headSize), (rows) => layerKeys(data, rows)),
    values: () => {
      const size = wholeHead(valueWidth(data), width / headSize)
      return stored(positions, size, valueRotation(size), (rows) => layerValues(data, rows))
    },
  }
}

/** @param rotation numbers that a quantised cache rotates together; 0: none */
function stored(
  positions: Int32Array,
  headSize: number,
  rotation: number,
  read: (rows?: Int32Array) => Iterable<LayerVectors>,
): StoredVectors {
  return {
    positions,
    headSize,
    *layers(rows) {
      for (const { values } of read(rows)) yield values
    },
    *channels(rows) {
      for (const { values, isQuantised } of read(rows)) {
        if (isQuantised && rotation > 0) rotateBack(values, rotation)
        yield values
      }
    },
  }
}

/** C knows the key heads of the first layer, which may be recurrent or have a window. */
function headSizeOf(model: LlamaModel, width: number): number {
  const other = model.hasWindow || model.isHybrid
  const size = other ? model.keyLength : width / model.library.c.llama_model_n_head_kv(model.pointer)
  if (size !== undefined && size > 0 && width % size === 0) return size
  throw new EngineError('state_format', `keys of ${width} values are not whole heads`)
}

function wholeHead(width: number, heads: number): number {
  const size = width / heads
  if (Number.isInteger(size) && size > 0) return size
  throw new EngineError('state_format', `values of ${width} numbers are not those of ${heads} heads`)
}
