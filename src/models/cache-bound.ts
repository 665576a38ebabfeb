/**
 * Whether a model's cache can be bounded, as far as the file's header tells. llama.cpp tells for certain, when it has loaded the model.
 *
 * Source: llama.cpp v0.5.0, the hyperparameters of each architecture.
 */
import { indexerKeys, indexerObstacle } from '../llama/index.ts'
import type { GgufInfo } from './gguf-file.ts'
import { windowLayers } from './window-layers.ts'

export interface CacheBound {
  /** Why the cache cannot be bounded; undefined: nothing that is certain speaks against it. */
  readonly impossible: string | undefined
  /** Positions that a window layer sees, if there are such layers. Of architectures that are not known here it is the file's, which may be unused. */
  readonly window: number | undefined
}

/** Their files state a window, and llama.cpp gives all layers full attention. */
const ignoringWindows: ReadonlySet<string> = new Set(['phi3'])

export type BoundFacts = Pick<GgufInfo, 'architecture' | 'architectureValues' | 'kvHeads' | 'layers'>

export function cacheBound(info: BoundFacts): CacheBound {
  return { impossible: obstacle(info.architectureValues, info.kvHeads), window: windowOf(info) }
}

function windowOf(info: BoundFacts): number | undefined {
  const known = windowLayers(info)
  if (known) {
    const layers = Array.from({ length: info.layers }, (_, layer) => layer)
    return layers.some(known.has) ? known.window : undefined
  }
  const stated = info.architectureValues.get('attention.sliding_window')
  const isUsed = typeof stated === 'number' && stated > 0 && !ignoringWindows.has(info.architecture)
  return isUsed ? stated : undefined
}

function obstacle(values: GgufInfo['architectureValues'], kvHeads: number): string | undefined {
  const keys = [...values.keys()]
  if (keys.some((key) => key.startsWith('wkv.')) || (kvHeads === 0 && keys.some((key) => key.startsWith('ssm.')))) {
    return 'it is recurrent: it keeps a state instead of a KV cache'
  }
  return indexerKeys.some((key) => values.has(key)) ? indexerObstacle : undefined
}
