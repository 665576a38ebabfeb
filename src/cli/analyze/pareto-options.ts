/** The options of `dynts analyze pareto`. Generates nothing. */
import { InvalidArgumentError, type Command } from 'commander'
import { selections, type SelectionName } from '../../analysis/pareto/kept-tokens.ts'
import { readings, type Reading } from '../../analysis/pareto/pareto-record.ts'
import { InputError } from '../../errors.ts'
import { defaultSampling, validateSampling } from '../../llama/index.ts'
import { maxFailuresOption } from '../output/failed-jobs.ts'
import type { ModelFlags } from '../find-model.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, names, number, numbers, refuseWithoutEffect } from '../options/option-values.ts'
import { checkQueueFlags, queueOption, workerOnly, type QueueFlags } from '../queue-client.ts'
import { checkGreedy } from '../run/run-options.ts'
import { addTemplateOptions, type TemplateFlags } from '../options/template-options.ts'
import { addTraceSamplingOptions, samplingOf, type TraceSamplingFlags } from '../trace/trace-sampling.ts'

/** As commander gives them. */
export interface ParetoFlags extends MachineFlags, ModelFlags, QueueFlags, TemplateFlags, TraceSamplingFlags {
  readonly traces: string
  readonly output?: string
  readonly resume: boolean
  readonly reading: Reading[]
  readonly keep?: SelectionName[]
  readonly percent: number[]
  readonly samples: number
  readonly limit?: number
  readonly maxTokens: number
  readonly parallel?: number
  readonly maxFailures: number
  readonly seed: number
  readonly csv?: string
  readonly json?: boolean
}

/** As in the paper's figure. */
const publishedPercents = [2, 4, 6, 8, 10, 20, 30, 40, 50]
/** As in the authors' script. */
const publishedMaxTokens = 5000
export const defaultParallel = 4

export function addParetoOptions(command: Command): Command {
  command
    .argument('<folder>', 'what dynts importance wrote')
    .requiredOption('--traces <file>', 'the traces that it was measured on')
    .addOption(modelOption('the model of the traces (as for run --model)'))
    .option('--predictor <file>', 'as for dynts run (default: found beside the model; none: nothing is predicted)')
    .option('-o, --output <file>', 'the answers (default: the name of the traces, ending in .pareto.jsonl)')
    .option('--resume', 'go on with what the file holds (the default)', true)
    .option('--no-resume', 'put the file aside and begin anew')
    .option('--reading <list>', `separated by commas: ${readings.join(', ')}`, listOf(readings), [...readings])
    .option(
      '--keep <list>',
      `separated by commas: ${selections.join(', ')} (default: all; predicted where there is a predictor)`,
      listOf(selections),
    )
    .option('--percent <list>', 'of the thinking that are kept, separated by commas', numbers, publishedPercents)
    .option('--samples <n>', 'answers to each part of a thinking', number, 1)
    .option('--limit <n>', 'only the first n traces', number)
  addTraceSamplingOptions(command)
    .option('-n, --max-tokens <n>', 'most tokens of an answer', number, publishedMaxTokens)
    .option('--parallel <n>', `answers at the same time (default: ${defaultParallel})`, number)
    .addOption(queueOption())
    .addOption(maxFailuresOption('the run'))
    .option('-s, --seed <n>', 'of the random choice and of the sampling', number, 0)
  return addMachineOptions(addTemplateOptions(command))
    .option('--csv <file>', 'write a line for each part of the thinking')
    .option('--json', 'print one JSON object')
}

function listOf<T extends string>(known: readonly T[]): (text: string) => T[] {
  return (text) =>
    names(text).map((name) => {
      const found = known.find((one) => one === name)
      if (found === undefined) throw new InvalidArgumentError(`It may name ${known.join(', ')}.`)
      return found
    })
}

/** @throws InputError `invalid_option`, `invalid_sampling` */
export function checkParetoFlags(flags: ParetoFlags): void {
  const wrong = flags.percent.find((percent) => !(percent > 0 && percent <= 100))
  if (wrong !== undefined)
    throw new InputError('invalid_option', `--percent must be above 0 and at most 100, not ${wrong}`)
  checkWhole('--samples', flags.samples, 1, 10_000)
  checkWhole('--limit', flags.limit, 1)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  checkWhole('--parallel', flags.parallel, 1, 256)
  checkWhole('--max-failures', flags.maxFailures, 1)
  checkDeviceFlags(flags)
  if (flags.keep?.includes('predicted') === false && flags.predictor !== 'none')
    refuseWithoutEffect({ '--predictor': flags.predictor }, 'without --keep predicted')
  checkQueueFlags(flags, workerOnly(flags))
  checkGreedy(flags)
  validateSampling({ ...defaultSampling, ...samplingOf(flags) }, flags.seed)
}

export function paretoOutput({ output, traces }: ParetoFlags): string {
  return output ?? traces.replace(/(\.jsonl)?$/, '.pareto.jsonl')
}
