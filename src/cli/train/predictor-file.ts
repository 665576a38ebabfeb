/** Where predictor files are written, and the settings that they recommend. */
import type { Command } from 'commander'
import { validateCacheSettings } from '../../cache/budget.ts'
import { defaultScoredPolicy, resolveCacheSettings } from '../../engine/cache-settings.ts'
import { defined } from '../../defined.ts'
import { InputError } from '../../errors.ts'
import { dyntsDiverse } from '../../eviction/policies/dynts-diverse.ts'
import { policyNames } from '../../eviction/registry.ts'
import { madeFileName } from '../../models/made-file-name.ts'
import {
  isPolicyOfPredictors,
  predictorFolder,
  readCheckpoint,
  type PredictorCheckpoint,
} from '../../predictor/index.ts'
import { besideModel, checkMadeOutput } from '../output/made-file.ts'
import { number } from '../options/option-values.ts'

export async function predictorPathOf(modelPath: string): Promise<string> {
  return await besideModel(modelPath, madeFileName('predictor', modelPath), predictorFolder())
}

/** @throws InputError `no_output_folder`, `invalid_output`; `output_exists` for a file that is no predictor, or that only `--force` may replace */
export async function checkPredictorOutput(output: string, force: boolean): Promise<void> {
  await checkMadeOutput(output, force, { what: 'predictor', read: readCheckpoint })
}

function policiesOfPredictors(): string[] {
  return policyNames().filter(isPolicyOfPredictors)
}

export type Recommendation = Pick<
  PredictorCheckpoint,
  'policy' | 'diversity' | 'budget' | 'localWindow' | 'ratio' | 'evictEvery'
>

/** @param otherwise the policy that is recommended if none is given */
export function addRecommendationOptions(command: Command, otherwise: string = defaultScoredPolicy): Command {
  return command
    .option('-p, --policy <name>', `recommended policy: ${policiesOfPredictors().join(', ')} (default: ${otherwise})`)
    .option('--diversity <weight>', `recommended weight of unlike keys under ${dyntsDiverse.name}`, number)
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
export function recommendationOf(given: Recommendation): Recommendation {
  const { policy, diversity, budget, localWindow, ratio, evictEvery } = given
  if (policy !== undefined && !isPolicyOfPredictors(policy)) {
    const known = policiesOfPredictors().join(', ')
    throw new InputError('invalid_option', `--policy recommends one that uses the predictor: ${known}; not ${policy}`)
  }
  if (diversity !== undefined && !(diversity >= 0))
    throw new InputError('invalid_option', `--diversity must be a number, 0 or more, not ${diversity}`)
  validateCacheSettings(resolveCacheSettings({}, { budget, localWindow, ratio, evictEvery }))
  return defined({ policy, diversity, budget, localWindow, ratio, evictEvery })
}
