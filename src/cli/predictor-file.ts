/** Where predictor files are written, and the settings that they recommend. */
import type { Command } from 'commander'
import { validateCacheSettings } from '../cache/budget.ts'
import { resolveCacheSettings } from '../engine/prepare.ts'
import { predictorName } from '../models/predictor-name.ts'
import { predictorFolder, readCheckpoint, type PredictorCheckpoint } from '../predictor/index.ts'
import { besideModel, checkMadeOutput } from './made-file.ts'
import { number } from './option-values.ts'

export async function predictorPathOf(modelPath: string): Promise<string> {
  return await besideModel(modelPath, predictorName(modelPath), predictorFolder())
}

/** @throws InputError `no_output_folder`, `invalid_output`; `output_exists` for a file that is no predictor, or that only `--force` may replace */
export async function checkPredictorOutput(output: string, force: boolean): Promise<void> {
  await checkMadeOutput(output, force, { what: 'predictor', read: readCheckpoint })
}

export type Recommendation = Pick<PredictorCheckpoint, 'budget' | 'localWindow' | 'ratio'>

export function addRecommendationOptions(command: Command): Command {
  return command
    .option('-b, --budget <cells>', 'recommended budget', number)
    .option('--local-window <cells>', 'recommended local window', number)
    .option('--ratio <share>', 'recommended retention ratio', number)
}

/** What was given of it. @throws InputError for settings that no sequence could run under */
export function recommendationOf(flags: { budget?: number; localWindow?: number; ratio?: number }): Recommendation {
  const { budget, localWindow, ratio } = flags
  validateCacheSettings(resolveCacheSettings({}, { budget, localWindow, ratio }))
  return {
    ...(budget === undefined ? {} : { budget }),
    ...(localWindow === undefined ? {} : { localWindow }),
    ...(ratio === undefined ? {} : { ratio }),
  }
}
