/**
 * Whether cells can be removed one by one from a model's cache, as far as the file's header tells. llama.cpp tells for certain,
 * when it has loaded the model.
 *
 * Source: llama.cpp v0.5.0, the hyperparameters of each architecture. Whether a stated window is used is theirs to say, not the
 * file's: phi3's is ignored, and those below have one even if the file states none.
 */
import type { GgufInfo } from './gguf-file.ts'

export interface CacheBound {
  /** Why the cache cannot be bounded; undefined: nothing that is certain speaks against it. */
  readonly impossible: string | undefined
  /** Sliding-window attention, if the model uses it, would make it impossible. */
  readonly mayHaveWindow: boolean
}

const windowKey = 'attention.sliding_window'
const windowUnlessStated: ReadonlySet<string> = new Set(['gemma2', 'llama4'])

export function cacheBound({
  architecture,
  architectureValues,
}: Pick<GgufInfo, 'architecture' | 'architectureValues'>): CacheBound {
  const window = architectureValues.get(windowKey)
  const mayHaveWindow = window === undefined ? windowUnlessStated.has(architecture) : window !== 0
  return { impossible: obstacle(architectureValues), mayHaveWindow }
}

function obstacle(values: GgufInfo['architectureValues']): string | undefined {
  if ([...values.keys()].some((key) => key.startsWith('ssm.') || key.startsWith('wkv.'))) {
    return 'its recurrent layers keep a state from which no token can be removed'
  }
  return values.has('attention.indexer.top_k')
    ? 'it uses sparse attention: its indexer keeps a cache of its own'
    : undefined
}
