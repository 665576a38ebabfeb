/**
 * Whether a model's cache can be bounded, as far as the file's header tells. llama.cpp tells for certain, when it has loaded the model.
 *
 * Source: llama.cpp v0.5.0, the hyperparameters of each architecture. Whether a stated window is used is theirs to say, not the
 * file's: phi3's is ignored, and those below have one even if the file states none.
 */
import type { GgufInfo } from './gguf-file.ts'

export interface CacheBound {
  /** Why the cache cannot be bounded; undefined: nothing that is certain speaks against it. */
  readonly impossible: string | undefined
  /** Positions that a window layer sees, if there are such layers and the file says how many; they may also be unused. */
  readonly window: number | undefined
}

const windowKey = 'attention.sliding_window'

export function cacheBound({
  architectureValues: values,
  kvHeads,
}: Pick<GgufInfo, 'architectureValues' | 'kvHeads'>): CacheBound {
  const impossible = obstacle(values, kvHeads)
  const stated = values.get(windowKey)
  const window = typeof stated === 'number' && stated > 0 ? stated : undefined
  return { impossible, window }
}

function obstacle(values: GgufInfo['architectureValues'], kvHeads: number): string | undefined {
  const keys = [...values.keys()]
  if (keys.some((key) => key.startsWith('wkv.')) || (kvHeads === 0 && keys.some((key) => key.startsWith('ssm.')))) {
    return 'it is recurrent: it keeps a state instead of a KV cache'
  }
  return values.has('attention.indexer.top_k')
    ? 'it uses sparse attention: its indexer keeps a cache of its own'
    : undefined
}
