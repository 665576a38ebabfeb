/** How many layers of a model have full attention and a cache of their own: counted in the saved state of one token. */
import { LlamaContext } from './context.ts'
import type { LlamaModel } from './model.ts'
import { parseState, StateReader } from './sequence-state.ts'

/** Makes a small context and computes one token. @throws EngineError `context_not_created`, `decode_failed` */
export function countFullAttentionLayers(model: LlamaModel): number {
  using context = LlamaContext.create(model, { cellsPerSequence: 256, batchTokens: 1, threads: 1, kvType: 'f16' })
  context.append(0, [0], 0, 'none')
  const state = context.save(0)
  const reader = new StateReader(state, parseState(state, model).dataOffset)
  reader.skip(4) // whether values are transposed
  return reader.u32()
}
