/** `--predictor`: the same for every command that runs a model under policies. */
import { Option } from 'commander'
import type { CacheSettings } from '../../cache/budget.ts'
import type { ModelFlags } from '../find-model.ts'
import type { ChosenPolicy } from './chosen-policies.ts'
import { refuseWithoutEffect } from './option-values.ts'

export function predictorOption(): Option {
  const forms = 'a file, hf:user/repo[:FILE], or "none" (default: found beside the model)'
  return new Option('--predictor <file>', `importance predictor: ${forms}`)
}

/** Whether a predictor says what bounds the cache: some of it is not given. */
export function takesRecommended({ budget, localWindow, ratio, evictEvery }: Partial<CacheSettings>): boolean {
  return [budget, localWindow, ratio ?? evictEvery].includes(undefined)
}

/**
 * @param policies all that will run
 * @param isRecommending whether those that evict take settings that a predictor recommends
 * @throws InputError `invalid_option` where none of them looks at one
 */
export function checkPredictorUse(
  { predictor }: Pick<ModelFlags, 'predictor'>,
  policies: readonly Pick<ChosenPolicy, 'definition' | 'title'>[],
  isRecommending: boolean,
): void {
  if (predictor === 'none') return
  if (policies.some(({ definition: { needs, evicts } }) => needs.has('hidden-state') || (evicts && isRecommending)))
    return
  refuseWithoutEffect({ '--predictor': predictor }, `under policy ${policies.map(({ title }) => title).join(', ')}`)
}
