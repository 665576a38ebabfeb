/** Cached keys from a copy of the state of their own, beside those that a context reads. */
import { parseState, saveSequence, type LlamaContext } from '../../src/llama/index.ts'
import { FloatRows } from '../../src/llama/float-rows.ts'
import { layerKeys } from '../../src/llama/state-vectors.ts'

/** All of a sequence: the position of each row, and of each layer the rows. */
export function readKeys(
  context: LlamaContext,
  sequenceId: number,
): { readonly positions: Int32Array; readonly layers: readonly Float32Array[] } {
  const state = saveSequence(context, sequenceId)
  const { positions, dataOffset } = parseState(state, context.model)
  using floats = new FloatRows(context.model.library)
  const data = { state, dataOffset, rows: positions.length, floats }
  return { positions, layers: Array.from(layerKeys(data), ({ values }) => values.slice()) }
}
