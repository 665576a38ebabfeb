/**
 * Which layers of a model have a sliding window, before it is loaded. Most files state the window, and not which layers have it: that is
 * for each architecture to say.
 *
 * Source: llama.cpp v0.5.0, `load_arch_hparams` of src/models/{gemma2,gemma3,gemma3n,gemma4,openai-moe,cohere2,llama4}.cpp and
 * `set_swa_pattern` in src/llama-hparams.cpp. Other architectures are not known here.
 */
import type { GgufInfo } from './gguf-file.ts'

export interface WindowLayers {
  /** Positions that they see. */
  readonly window: number
  readonly has: (layer: number) => boolean
}

interface Pattern {
  /** Every so manieth layer has full attention. Undefined: the file says it of each layer. */
  readonly period?: number
  /** Where the file states none. */
  readonly window?: number
  /** Whatever the file states, unless it is 0. */
  readonly fixedWindow?: number
}

const patterns: Readonly<Record<string, Pattern>> = {
  gemma2: { period: 2, window: 4096 },
  gemma3: { period: 6 },
  gemma3n: { period: 5 },
  gemma4: {},
  'gpt-oss': { period: 2 },
  cohere2: { period: 4 },
  llama4: { period: 4, fixedWindow: 8192 },
}

type Model = Partial<Pick<GgufInfo, 'architecture' | 'architectureValues'>> & Pick<GgufInfo, 'layers'>

/** Undefined: there are none, or which they are is not known (`mayHaveWindows`). */
export function windowLayers(model: Model): WindowLayers | undefined {
  const pattern = patterns[model.architecture ?? '']
  if (!pattern) return undefined
  const stated = model.architectureValues?.get('attention.sliding_window')
  const window = stated === 0 ? 0 : (pattern.fixedWindow ?? (typeof stated === 'number' ? stated : pattern.window))
  const layers = model.architectureValues?.get('attention.sliding_window_pattern') ?? pattern.period
  if (window === undefined || window <= 0) return undefined
  if (typeof layers === 'number' && layers >= 0) {
    return { window, has: (layer) => layers === 0 || layer % layers < layers - 1 }
  }
  if (typeof layers !== 'object' || layers.length < model.layers) return undefined
  return { window, has: (layer) => Number(layers[layer]) > 0 }
}

/** Whether the file states a window, and which layers have it is not known: then all are counted as if they had none. */
export function mayHaveWindows(model: Model): boolean {
  const stated = model.architectureValues?.get('attention.sliding_window')
  return typeof stated === 'number' && stated > 0 && !windowLayers(model)
}
