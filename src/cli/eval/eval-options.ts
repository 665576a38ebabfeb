/**
 * The options of `dynts eval`: names, defaults, and what is wrong with a value. Evaluates nothing.
 */
import { InvalidArgumentError, type Command } from 'commander'
import { InputError } from '../../errors.ts'
import { policyNames } from '../../eviction/registry.ts'
import { controls, presetNames, scored } from '../../evaluation/presets/presets.ts'
import type { Shard } from '../../evaluation/run/eval-job.ts'
import { metricNames, type MetricName } from '../../evaluation/run/make-plan.ts'
import { findTask, taskNames } from '../../evaluation/tasks/registry.ts'
import { largestSeed } from '../../llama/index.ts'
import { addPolicyOptions, type ChosenPolicy, type PolicyFlags } from '../options/chosen-policies.ts'
import { calibrationOption } from '../options/calibration-option.ts'
import type { ModelFlags } from '../find-model.ts'
import { maxFailuresOption } from '../output/failed-jobs.ts'
import { checkQueueFlags, queueOption, workerOnly } from '../queue-client.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, names, number, numbers, refuseWithoutEffect } from '../options/option-values.ts'
import { predictorOption } from '../options/predictor-option.ts'
import { checkGreedy } from '../run/run-options.ts'
import { checkCacheFlags, checkSamplingFlags } from '../options/setting-flags.ts'
import { addTaskOptions, type TaskFlags } from '../options/task-options.ts'
import { addTemplateOptions, type TemplateFlags } from '../options/template-options.ts'

/** As commander gives them. */
export interface EvalFlags extends MachineFlags, ModelFlags, PolicyFlags, TaskFlags, TemplateFlags {
  readonly task?: string[]
  readonly traces?: string
  readonly distance?: number[]
  readonly preset?: string
  readonly policy?: string[]
  readonly budget?: number[]
  readonly localWindow?: number[]
  readonly ratio?: number[]
  readonly evictEvery?: number[]
  readonly segments?: number
  readonly valueReserve?: number
  /** Default: pass; of traces the replay loss. */
  readonly metric?: MetricName[]
  readonly limit?: number
  readonly limitOf?: PolicyLimit[]
  readonly samples?: number
  readonly seed: number
  readonly maxTokens?: number
  readonly temperature?: number
  readonly topP?: number
  readonly topK?: number
  readonly parallel?: number
  readonly maxFailures: number
  readonly shard?: Shard
  readonly queue?: string
  readonly output?: string
  readonly resume: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
  /** Options of single policies, e.g. `sinks`. */
  readonly [policyOption: string]: unknown
}

/** `full,dynts=500` */
export interface PolicyLimit {
  readonly policies: readonly string[]
  readonly limit: number
}

export function addEvalOptions(command: Command): Command {
  command
    .addOption(modelOption('as for dynts run'))
    .addOption(predictorOption())
    .addOption(calibrationOption())
    .option(
      '--task <tasks>',
      `separated by commas: ${taskNames.join(', ')} (default: file with --file, else chain for tiny)`,
      names,
    )
  addTaskOptions(command)
    .option('--traces <file>', 'replay the kept traces of dynts trace, in place of a task: nothing is sampled')
    .option(
      '--distance <tokens>',
      'task recall: from a fact to where it is needed, separated by commas (default: 32,64,128,256,512)',
      numbers,
    )
    .option('--preset <name>', `a comparison that comes ready-made: ${presetNames.join(', ')}`)
    .option(
      '-p, --policy <policies>',
      `separated by commas: ${policyNames().join(', ')}, or files with policies of your own; h2o+question: with the question protected (default: the preset’s, else ${[...controls, ...scored].join(', ')})`,
      names,
    )
    .option('-b, --budget <cells>', 'one or more, separated by commas (default: published)', numbers)
    .option('--local-window <cells>', 'one or more, separated by commas (default: published)', numbers)
    .option('--ratio <shares>', 'one or more, separated by commas (default: published)', numbers)
    .option('--evict-every <cells>', 'one or more, instead of --ratio: so many cells leave at each eviction', numbers)
    .option('--segments <n>', 'each n-th part of the candidates keeps its share of half of what stays', number)
    .option('--value-reserve <share>', 'so much of the budget stays for the largest values, against loops', number)
  addPolicyOptions(command)
    .option(
      '--metric <metrics>',
      `separated by commas: ${metricNames.join(', ')} (default: pass; replay-loss of traces and recall)`,
      metrics,
    )
    .option('--limit <n>', 'the first n items (default: all)', number)
    .option('--limit-of <policies=n>', 'another limit for some policies, e.g. full,dynts=500; may be repeated', limits)
    .option('--samples <n>', 'of each item (default: published)', number)
    .option('-s, --seed <n>', 'of the run', number, 1)
    .option('-n, --max-tokens <n>', 'most tokens to generate (default: published)', number)
    .option('-t, --temperature <t>', '0 is greedy (default: published)', number)
    .option('--top-p <p>', '1 is off (default: published)', number)
    .option('--top-k <k>', '0 is off (default: published)', number)
    .option('--parallel <n>', 'sequences at the same time, memory permitting (default: published)', number)
    .addOption(maxFailuresOption('a configuration'))
    .option('--shard <i/n>', 'only the i-th of n parts; dynts eval merge puts them together', shard)
    .addOption(queueOption())
    .option('-o, --output <folder>', 'default: eval-TASK')
    .option('--resume', 'go on with what the folder holds (the default)', true)
    .option('--no-resume', 'put it aside and begin anew')
    .option(
      '--dry-run',
      'show the plan, the first prompt and the answer taken for it, and end before anything is computed',
    )
  return addMachineOptions(addTemplateOptions(command)).option('--json', 'print one JSON object')
}

/** What can be said without a model. @throws InputError `invalid_option` */
export function checkEvalFlags(flags: EvalFlags): void {
  checkWhole('--limit', flags.limit, 1)
  for (const { limit } of flags.limitOf ?? []) checkWhole('--limit-of', limit, 1)
  checkWhole('--samples', flags.samples, 1, 10_000)
  checkWhole('--seed', flags.seed, 0, largestSeed)
  checkWhole('--generate-seed', flags.generateSeed, 0, largestSeed)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  for (const distance of flags.distance ?? []) checkWhole('--distance', distance, 16, 100_000)
  checkWhole('--parallel', flags.parallel, 1, 256)
  checkWhole('--max-failures', flags.maxFailures, 1)
  checkCacheFlags(flags)
  checkSamplingFlags(flags)
  if (flags.evictEvery !== undefined)
    refuseWithoutEffect({ '--ratio': flags.ratio }, 'with --evict-every, which says how many cells leave')
  if (flags.traces !== undefined) checkTraceFlags(flags)
  checkReplayedTasks(flags)
  checkDeviceFlags(flags)
  checkGreedy(flags)
  checkQueueFlags(flags, { ...workerOnly(flags), '--shard': flags.shard, '--calibration': flags.calibration })
}

function checkTraceFlags(flags: EvalFlags): void {
  const { task, file, questionField, answerField, idField, generateSeed, distance } = flags
  const questions = { '--task': task, '--file': file, '--question-field': questionField, '--answer-field': answerField }
  const others = { '--id-field': idField, '--generate-seed': generateSeed, '--distance': distance }
  refuseSampling(flags, { ...questions, ...others }, '--traces')
}

function checkReplayedTasks(flags: EvalFlags): void {
  const tasks = (flags.task ?? []).map(findTask)
  const replayed = tasks.find((task) => task.isReplayed === true)
  if (!replayed) {
    refuseWithoutEffect({ '--distance': flags.distance }, 'without --task recall')
    return
  }
  if (tasks.length > 1) {
    const why = 'is replayed, and others are sampled: run it by itself'
    throw new InputError('invalid_option', `the task ${replayed.name} ${why}`)
  }
  refuseSampling(flags, { '--file': flags.file }, `--task ${replayed.name}`)
}

/** @param what is replayed: a flag */
function refuseSampling(flags: EvalFlags, others: Readonly<Record<string, unknown>>, what: string): void {
  const { samples, maxTokens, temperature, topP, topK } = flags
  const sampling = { '--samples': samples, '--max-tokens': maxTokens, '--temperature': temperature }
  const all = { ...others, ...sampling, '--top-p': topP, '--top-k': topK }
  refuseWithoutEffect(all, `with ${what}, which are replayed as they are`)
  if (flags.metric?.includes('pass') !== true) return
  throw new InputError('invalid_option', `--metric pass is measured on samples, and ${what} has none: leave it out`)
}

/** What a run measures. */
export function metricsOf({ metric, traces, task = [] }: EvalFlags): readonly MetricName[] {
  const isReplayed = traces !== undefined || task.some((name) => findTask(name).isReplayed === true)
  return metric ?? (isReplayed ? ['replay-loss'] : ['pass'])
}

function metrics(text: string): MetricName[] {
  return names(text).map((name) => {
    const metric = metricNames.find((known) => known === name)
    if (metric === undefined) throw new InvalidArgumentError(`Metrics: ${metricNames.join(', ')}.`)
    return metric
  })
}

/** `i/n`, i from 1. */
function shard(text: string): Shard {
  const [, index, count] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number)
  if (index !== undefined && count !== undefined && index >= 1 && index <= count) return { index, count }
  throw new InvalidArgumentError('It must be i/n with i from 1 to n, e.g. 2/3.')
}

function limits(text: string, before: PolicyLimit[] | undefined): PolicyLimit[] {
  const [, policies, limit] = /^([^=]+)=(\d+)$/.exec(text) ?? []
  if (policies === undefined) throw new InvalidArgumentError('It must be policies=n, e.g. full,dynts=500.')
  return [...(before ?? []), { policies: names(policies), limit: Number(limit) }]
}

/** @throws InputError `invalid_option` for a policy of `--limit-of` that is not evaluated */
export function limitOf(
  flags: EvalFlags,
  policies: readonly ChosenPolicy[],
): (policy: ChosenPolicy) => number | undefined {
  const isCalled = (name: string, { title, reference }: ChosenPolicy) => name === title || name === reference
  const stray = (flags.limitOf ?? [])
    .flatMap((one) => one.policies)
    .find((name) => !policies.some((policy) => isCalled(name, policy)))
  if (stray !== undefined) throw new InputError('invalid_option', `--limit-of names ${stray}, which is not evaluated`)
  return (policy) =>
    flags.limitOf?.findLast((one) => one.policies.some((name) => isCalled(name, policy)))?.limit ?? flags.limit
}
