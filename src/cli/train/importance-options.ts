/**
 * The options of `dynts importance`. Measures nothing.
 */
import type { Command } from 'commander'
import { largestSeed } from '../../llama/index.ts'
import { defaultLabel, parseLabel, type Label } from '../../predictor/index.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, number, refuseWithoutEffect } from '../options/option-values.ts'

/** As commander gives them. */
export interface ImportanceFlags extends MachineFlags {
  readonly model: string
  readonly traces: string
  readonly output?: string
  readonly label?: string
  /** Of `dynts fit`. */
  readonly localWindow?: number
  readonly tokensPerTrace?: number
  readonly kvType: 'f16' | 'f32'
  readonly seed?: number
  readonly resume: boolean
  readonly json?: boolean
}

export function addImportanceOptions(command: Command): Command {
  command
    .addOption(modelOption('the model of the traces (as for run --model)'))
    .requiredOption('--traces <file>', 'what dynts trace wrote')
    .option('-o, --output <folder>', 'where to write (default: the name of the traces, ending in .importance)')
    .option(
      '--label <label>',
      `what importance is: attention of the answer, of all tokens beyond the local window (later, later:W), or both (mix, mix:W) (default: ${defaultLabel})`,
    )
    .option(
      '--tokens-per-trace <n>',
      'thinking tokens of each trace whose hidden states are stored (default: all)',
      number,
    )
    .option('-s, --seed <n>', 'of the choice of tokens (default: 0)', number)
    .option('--resume', 'go on with what the folder holds (the default)', true)
    .option('--no-resume', 'put the folder aside and begin anew')
  // Attention weights exist only without flash attention, and a q8_0 cache needs it.
  return addMachineOptions(command, ['f16', 'f32']).option('--json', 'print one JSON object')
}

/** @throws InputError `invalid_option`, `invalid_label` */
export function checkImportanceFlags(flags: ImportanceFlags): void {
  checkDeviceFlags(flags)
  labelOf(flags)
  checkWhole('--tokens-per-trace', flags.tokensPerTrace, 1, 2 ** 31 - 1)
  checkWhole('--seed', flags.seed, 0, largestSeed)
  if (flags.tokensPerTrace === undefined) refuseWithoutEffect({ '--seed': flags.seed }, 'without --tokens-per-trace')
}

/**
 * The label that was asked for; where it names no local window, that of the run's, if it is given.
 * @throws InputError `invalid_label`
 */
export function labelOf({ label = defaultLabel, localWindow }: Pick<ImportanceFlags, 'label' | 'localWindow'>): Label {
  return parseLabel(label, localWindow)
}
