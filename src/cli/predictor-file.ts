/** Where predictor files are written, what is never overwritten, and the settings that they recommend. */
import { constants, existsSync } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import { validateCacheSettings } from '../cache/budget.ts'
import { resolveCacheSettings } from '../engine/prepare.ts'
import { defined } from '../defined.ts'
import { InputError } from '../errors.ts'
import { policyNames } from '../eviction/registry.ts'
import { predictorName } from '../models/predictor-name.ts'
import { isPolicyOfPredictors, predictorFolder, readCheckpoint, type PredictorCheckpoint } from '../predictor/index.ts'
import { checkRegular } from '../records/atomic-file.ts'
import { number } from './option-values.ts'

/** Beside the model if that folder can be written, so that it is found by itself; else in the cache folder. */
export async function predictorPathOf(modelPath: string): Promise<string> {
  const name = predictorName(modelPath)
  const beside = dirname(modelPath)
  try {
    await access(beside, constants.W_OK)
    return join(beside, name)
  } catch {
    await mkdir(predictorFolder(), { recursive: true })
    return join(predictorFolder(), name)
  }
}

/** @throws InputError `no_output_folder`; `invalid_output` if it is no file and cannot become one */
export function checkOutputFolder(output: string): void {
  checkRegular(output)
  const folder = dirname(resolve(output))
  if (!existsSync(folder))
    throw new InputError('no_output_folder', `There is no folder ${folder}. Make it, or give another --output.`)
}

/** @throws InputError `no_output_folder`, `invalid_output`; `output_exists` for a file that is no predictor, or that only `--force` may replace */
export async function checkPredictorOutput(output: string, force: boolean): Promise<void> {
  checkOutputFolder(output)
  if (!existsSync(output)) return
  const isPredictor = await readCheckpoint(output).then(
    () => true,
    () => false,
  )
  if (!isPredictor)
    throw new InputError('output_exists', `${output} exists and is no predictor. Give another --output.`)
  if (!force)
    throw new InputError('output_exists', `There is a predictor at ${output} already. Use --force to replace it.`)
}

function policiesOfPredictors(): string[] {
  return policyNames().filter(isPolicyOfPredictors)
}

export type Recommendation = Pick<PredictorCheckpoint, 'policy' | 'budget' | 'localWindow' | 'ratio' | 'evictEvery'>

export function addRecommendationOptions(command: Command): Command {
  return command
    .option('-p, --policy <name>', `recommended policy: ${policiesOfPredictors().join(', ')} (default: dynts)`)
    .option('-b, --budget <cells>', 'recommended budget', number)
    .option('--local-window <cells>', 'recommended local window', number)
    .option('--ratio <share>', 'recommended retention ratio', number)
    .option(
      '--evict-every <cells>',
      'instead of --ratio: recommended number of cells that leave at each eviction',
      number,
    )
}

/** What was given of it. @throws InputError for settings that no sequence could run under, and `invalid_option` */
export function recommendationOf({ policy, budget, localWindow, ratio, evictEvery }: Recommendation): Recommendation {
  if (policy !== undefined && !isPolicyOfPredictors(policy)) {
    const known = policiesOfPredictors().join(', ')
    throw new InputError('invalid_option', `--policy recommends one that uses the predictor: ${known}; not ${policy}`)
  }
  validateCacheSettings(resolveCacheSettings({}, { budget, localWindow, ratio, evictEvery }))
  return defined({ policy, budget, localWindow, ratio, evictEvery })
}
