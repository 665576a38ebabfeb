/** What a model's files say of the settings that it can have, before it is loaded. */
import type { LocatedModel } from '../engine/model.ts'
import type { SettingFacts } from '../engine/prepare.ts'
import { cacheBound } from '../models/cache-bound.ts'

export function settingFacts({ info, predictor, calibrationPath }: LocatedModel): SettingFacts {
  const { impossible } = cacheBound(info)
  return {
    hasPredictor: predictor !== undefined,
    hasCalibration: calibrationPath !== undefined,
    notEvictable: impossible,
    notReadable: impossible,
    recommended: predictor ?? {},
  }
}
