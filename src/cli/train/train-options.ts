/**
 * The options of `dynts train`, and what they mean.
 */
import { Option, type Command } from 'commander'
import { InputError } from '../../errors.ts'
import type { GpuChoice } from '../../llama/index.ts'
import { flagOf } from '../../option-names.ts'
import { defaultTrainingSettings as d, parseTrainingSettings, type TrainingSettings } from '../../training/settings.ts'
import { addComputeOptions, checkDeviceFlags } from '../options/machine-options.ts'
import { checkWhole, number } from '../options/option-values.ts'
import { addRecommendationOptions, type Recommendation } from './predictor-file.ts'

/** As commander gives them; settings are undefined where the default holds. */
export interface TrainFlags extends Recommendation, Partial<Record<keyof TrainingSettings, unknown>> {
  readonly importance: string
  readonly output?: string
  readonly model?: string
  readonly minTraces: number
  readonly checkpointSeconds: number
  readonly checkpointSteps?: number
  readonly threads?: number
  readonly gpu: GpuChoice
  readonly resume: boolean
  readonly force?: boolean
  readonly offline?: boolean
  readonly json?: boolean
}

const settingHelp: Readonly<Record<keyof TrainingSettings, string>> = {
  target: 'scale of what is learned: power:P, linear, x10000 or box-cox',
  epochs: 'times that every trace is trained on',
  batch: 'traces of one step, at most',
  leastSteps: 'the batch shrinks until there are as many steps',
  microBatch: 'traces that are computed together',
  learningRate: 'its highest value',
  warmup: 'share of the steps in which the learning rate rises',
  beta1: 'AdamW: decay of the first moment',
  beta2: 'AdamW: decay of the second moment',
  epsilon: 'AdamW: added to the root of the second moment',
  weightDecay: 'AdamW: decay of the weights',
  clip: 'largest norm of the gradient',
  rankingWeight: 'weight of a pairwise ranking loss beside the squared error',
  validationShare: 'share of the questions that is held out',
  seed: 'of the initial weights, the order and the held-out questions',
}

export function addTrainOptions(command: Command): Command {
  command
    .requiredOption('--importance <folder>', 'what dynts importance wrote')
    .option('-o, --output <file>', 'predictor to write (default: beside the model, else beside the importance folder)')
    .option('-m, --model <model>', 'the model of the traces; only its place and its shape are looked at')
  addRecommendationOptions(command)
  for (const [name, help] of Object.entries(settingHelp)) {
    const setting = name as keyof TrainingSettings
    const flags =
      setting === 'seed' ? `-s, ${flagOf(name)} <n>` : `${flagOf(name)} <${setting === 'target' ? 'target' : 'x'}>`
    const option = new Option(flags, `${help} (default: ${d[setting]})`)
    command.addOption(setting === 'target' ? option : option.argParser(number))
  }
  command
    .option('--min-traces <n>', 'refuse to train on fewer traces, or on half as many questions', number, 20)
    .option('--checkpoint-seconds <s>', 'write the state after the step at which so much time has passed', number, 60)
    .option('--checkpoint-steps <n>', 'also after every n steps', number)
  return addComputeOptions(command)
    .option('--resume', 'go on with the training that the state folder holds (the default)', true)
    .option('--no-resume', 'put the state folder aside and begin anew')
    .option('-f, --force', 'replace a predictor that is there; write one that is reported as useless')
    .option('--offline', 'never ask the network')
    .option('--json', 'print one JSON object')
}

/** @throws InputError `invalid_option`, `invalid_target` */
export function trainSettingsOf(flags: TrainFlags): TrainingSettings {
  checkWhole('--min-traces', flags.minTraces, 2)
  if (!(flags.checkpointSeconds >= 0))
    throw new InputError('invalid_option', `--checkpoint-seconds must be at least 0, not ${flags.checkpointSeconds}`)
  checkWhole('--checkpoint-steps', flags.checkpointSteps, 1)
  checkDeviceFlags(flags)
  const names = Object.keys(d) as (keyof TrainingSettings)[]
  return parseTrainingSettings(Object.fromEntries(names.map((name) => [name, flags[name]])))
}
