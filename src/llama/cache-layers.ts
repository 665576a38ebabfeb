/** Of which layers a model's cache consists, and what their cells take: told by the saved state of one token. */
import { LlamaContext } from './context.ts'
import type { LlamaModel } from './model.ts'
import { stateParts } from './state-parts.ts'

/** Layers with a cache of their own, by what they see; bytes of their cells in f16. */
export interface CacheLayers {
  readonly full: { readonly layers: number; readonly bytes: number }
  readonly window: { readonly layers: number; readonly bytes: number }
}

/** Makes a small context and computes one token. @throws EngineError `context_not_created`, `decode_failed` */
export function cacheLayersOf(model: LlamaModel): CacheLayers {
  using context = LlamaContext.create(model, { cellsPerSequence: 256, batchTokens: 1, threads: 1, kvType: 'f16' })
  context.append(0, [0], 0, 'none')
  const { full, window } = stateParts(context.save(0), model)
  return { full, window: window ?? { layers: 0, bytes: 0 } }
}
