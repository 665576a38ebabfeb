/** `--calibration`: the same for every command that runs a model under policies. */
import { Option } from 'commander'
import type { ChosenPolicy } from './chosen-policies.ts'
import type { ModelFlags } from '../find-model.ts'
import { refuseWithoutEffect } from './option-values.ts'

export function calibrationOption(): Option {
  return new Option(
    '--calibration <file>',
    'what dynts calibrate wrote, for --policy tri: a file, or hf:user/repo[:FILE] (default: found beside the model)',
  )
}

export function usesCalibration({ definition }: Pick<ChosenPolicy, 'definition'>): boolean {
  return definition.needs.has('calibration')
}

/** @param policies all that will run @throws InputError `invalid_option` where none of them looks at it */
export function checkCalibrationUse(
  { calibration }: Pick<ModelFlags, 'calibration'>,
  policies: readonly Pick<ChosenPolicy, 'definition' | 'title'>[],
): void {
  if (policies.some(usesCalibration)) return
  const titles = policies.map(({ title }) => title).join(', ')
  refuseWithoutEffect({ '--calibration': calibration }, `under policy ${titles}`)
}
