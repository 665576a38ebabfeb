/** What a model's files say of the settings that it can have, before it is loaded. */
import { defaultPolicy } from '../../engine/cache-settings.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { SettingFacts } from '../../engine/prepare.ts'
import { installedBackends, type GpuChoice } from '../../llama/library.ts'
import { cacheBound, type BoundFacts } from '../../models/cache-bound.ts'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { windowLayers } from '../../models/window-layers.ts'

export function settingFacts({ info, predictor, calibrationPath }: LocatedModel): SettingFacts {
  const { impossible } = cacheBound(info)
  return {
    hasPredictor: predictor !== undefined,
    hasCalibration: calibrationPath !== undefined,
    notEvictable: impossible,
    notReadable: impossible ?? (hasOnlyWindows(info) ? 'all its layers have a sliding window' : undefined),
    recommended: predictor ?? {},
  }
}

function hasOnlyWindows(info: GgufInfo): boolean {
  const windows = windowLayers(info)
  return windows !== undefined && Array.from({ length: info.layers }, (_, layer) => layer).every(windows.has)
}

/** The policy of a run that names none, where it must be known before the model is loaded. */
export function policyBeforeLoading(located: LocatedModel, gpu: GpuChoice): string {
  const facts = settingFacts(located)
  const hasWindow = cacheBound(located.info).window !== undefined
  const mayBeOnGpu = installedBackends(gpu).some(({ backend }) => backend !== 'cpu')
  return defaultPolicy({
    ...facts,
    // As the model says once it is loaded.
    notReadable:
      facts.notReadable ?? (hasWindow && mayBeOnGpu ? 'its windows are told apart on the CPU only' : undefined),
  })
}

/** What a local window means for a model whose own windows are longer: a line or none. Undefined: nothing is evicted. */
export function windowLoss(localWindow: number | undefined, info: BoundFacts): string[] {
  const { window } = cacheBound(info)
  if (localWindow === undefined || window === undefined || localWindow >= window) return []
  return [
    `Some layers of the model may see the newest ${window} positions only; with a local window of ${localWindow} they lose some of these.`,
  ]
}
