/**
 * The options of `dynts importance`. Measures nothing.
 */
import type { Command } from 'commander'
import { largestSeed } from '../llama/index.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from './machine-options.ts'
import { checkWhole, number, refuseWithoutEffect } from './option-values.ts'

/** As commander gives them. */
export interface ImportanceFlags extends MachineFlags {
  readonly model: string
  readonly traces: string
  readonly output?: string
  readonly tokensPerTrace?: number
  readonly kvType: 'f16' | 'f32'
  readonly seed?: number
  readonly resume: boolean
  readonly json?: boolean
}

export function addImportanceOptions(command: Command): Command {
  command
    .requiredOption('-m, --model <model>', 'the model of the traces (as for run --model)')
    .requiredOption('--traces <file>', 'what dynts trace wrote')
    .option('-o, --output <folder>', 'where to write (default: the name of the traces, ending in .importance)')
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

/** @throws InputError `invalid_option` */
export function checkImportanceFlags(flags: ImportanceFlags): void {
  checkDeviceFlags(flags)
  checkWhole('--tokens-per-trace', flags.tokensPerTrace, 1, 2 ** 31 - 1)
  checkWhole('--seed', flags.seed, 0, largestSeed)
  if (flags.tokensPerTrace === undefined) refuseWithoutEffect({ '--seed': flags.seed }, 'without --tokens-per-trace')
}
