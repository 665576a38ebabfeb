/**
 * The options of `dynts run`, and what they mean. Checks the form of each value; whether the values fit together is checked
 * where they are used.
 */
import { Option, type Command } from 'commander'
import { compactionChoices, type CompactionChoice } from '../../cache/compaction.ts'
import { defaultScoredPolicy } from '../../engine/cache-settings.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { policyNames } from '../../eviction/registry.ts'
import { defaultSampling } from '../../llama/index.ts'
import { calibrationOption } from '../options/calibration-option.ts'
import { addPolicyOptions, policyOfRequest, type ChosenPolicy, type PolicyFlags } from '../options/chosen-policies.ts'
import type { ModelFlags } from '../find-model.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, collect, names, number, refuseWithoutEffect } from '../options/option-values.ts'
import { predictorOption } from '../options/predictor-option.ts'
import {
  addCacheOptions,
  addSamplingOptions,
  cacheSettingsOf,
  checkCacheFlags,
  checkSamplingFlags,
  type CacheSettingFlags,
  type SamplingFlags,
} from '../options/setting-flags.ts'
import { addTemplateOptions, type TemplateFlags } from '../options/template-options.ts'

/** As commander gives them. */
export interface RunFlags
  extends MachineFlags, PolicyFlags, TemplateFlags, ModelFlags, CacheSettingFlags, SamplingFlags {
  readonly policy?: string
  readonly compare?: string[]
  readonly maxTokens?: number
  readonly thinkingBudget?: number
  readonly answerReserve?: number
  readonly stopLoops?: boolean
  readonly wrapUp?: string
  readonly repeatLastN?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly stop?: string[]
  readonly seed: number
  readonly samples: number
  readonly system?: string
  /** False after `--no-thinking`. */
  readonly thinking: boolean
  readonly flashAttention?: 'on' | 'off'
  readonly compaction: CompactionChoice
  readonly demo?: boolean
  readonly json?: boolean
  /** Options of single policies, e.g. `sinks`. */
  readonly [policyOption: string]: unknown
}

export function addRunOptions(command: Command): Command {
  return addAnswerOptions(command)
    .option(
      '--compare <policies>',
      'run the same question and seed under these policies too, separated by commas; h2o+question: with the question protected',
      names,
    )
    .option('--samples <n>', 'sequences in parallel, with the seeds that follow', number, 1)
    .option('--demo', 'pose a question of the embedded model’s own kind')
    .option('--json', 'print one JSON object (an array with --samples or --compare)')
}

/** How a question is answered: what `run` and `chat` have in common. */
export function addAnswerOptions(command: Command): Command {
  const s = defaultSampling
  command
    .addOption(modelOption())
    .addOption(predictorOption())
    .addOption(calibrationOption())
    .option(
      '-p, --policy <name>',
      `${policyNames().join(', ')}, or a .ts or .js file with a policy of your own (default: ${defaultScoredPolicy}, without a predictor question-window)`,
    )
  addCacheOptions(command, 'most cells that the cache of one sequence may hold')
  addPolicyOptions(command)
    .option('-n, --max-tokens <n>', 'most tokens to generate (default: 16384)', number)
    .option('--thinking-budget <n>', 'close the thinking after n tokens and answer', number)
    .option('--answer-reserve <n>', 'close the thinking while n of the most tokens are left, and answer', number)
    .option('--stop-loops', 'close a thinking that repeats itself word for word, and answer')
    .option('--wrap-up <text>', 'last words of a thinking that one of these three closes')
  addSamplingOptions(command)
    .option('--repeat-last-n <n>', `tokens that penalties look back on (default: ${s.repeatLastN})`, number)
    .option('--frequency-penalty <x>', `(default: ${s.frequencyPenalty})`, number)
    .option('--presence-penalty <x>', `(default: ${s.presencePenalty})`, number)
    .option('--stop <text>', 'end the answer at this text; may be repeated', collect)
    .option('-s, --seed <n>', 'the same seed gives the same tokens again', number, 0)
    .option('--system <text>', 'system message')
    .option('--no-thinking', 'answer without thinking: by the template’s own switch, else by an empty thinking')
  addTemplateOptions(command)
    .addOption(new Option('--flash-attention <choice>', '(default: on a GPU and for q8_0)').choices(['on', 'off']))
    .addOption(
      new Option('--compaction <choice>', 'rewrite what an eviction leaves contiguously')
        .choices(compactionChoices)
        .default('auto'),
    )
  return addMachineOptions(command)
}

/**
 * What is generated under one of the policies, with one of the seeds.
 * @param policy undefined: the default
 */
export function requestOf(
  flags: RunFlags,
  question: string,
  policy: ChosenPolicy | undefined,
  sample: number,
): GenerateRequest {
  const system = flags.system === undefined ? [] : [{ role: 'system' as const, content: flags.system }]
  return {
    prompt: { messages: [...system, { role: 'user', content: question }], enableThinking: flags.thinking },
    ...(policy && policyOfRequest(policy)),
    ...cacheSettingsOf(flags),
    maxTokens: flags.maxTokens,
    thinkingBudget: flags.thinkingBudget,
    answerReserve: flags.answerReserve,
    stopLoops: flags.stopLoops,
    wrapUp: flags.wrapUp,
    sampling: {
      temperature: flags.temperature,
      topK: flags.topK,
      topP: flags.topP,
      minP: flags.minP,
      repeatPenalty: flags.repeatPenalty,
      repeatLastN: flags.repeatLastN,
      frequencyPenalty: flags.frequencyPenalty,
      presencePenalty: flags.presencePenalty,
    },
    stop: flags.stop,
    seed: flags.seed + sample,
  }
}

/** Of an engine, what the flags say. */
export function engineOptionsOf({ kvType, compaction, flashAttention }: RunFlags) {
  return { kvType, compaction, flashAttention: flashAttention === undefined ? undefined : flashAttention === 'on' }
}

/**
 * What can be said of the flags alone.
 * @throws InputError `invalid_option`
 */
export function checkRunFlags(flags: RunFlags): void {
  checkWhole('--samples', flags.samples, 1, 256)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  checkWhole('--thinking-budget', flags.thinkingBudget, 0)
  checkWhole('--answer-reserve', flags.answerReserve, 1)
  checkCacheFlags(flags)
  checkSamplingFlags(flags, flags.seed)
  checkDeviceFlags(flags)
  checkGreedy(flags)
  if (flags.stop?.includes('')) throw new InputError('invalid_option', '--stop must not be empty')
  const closing = thinkingFlags(flags)
  if (!flags.thinking) refuseWithoutEffect(closing, 'with --no-thinking')
  if (Object.values(closing).every((value) => value === undefined)) {
    refuseWithoutEffect({ '--wrap-up': flags.wrapUp }, `without ${Object.keys(closing).join(', ')}`)
  }
  const penalties = [flags.repeatPenalty ?? 1, flags.frequencyPenalty ?? 0, flags.presencePenalty ?? 0]
  if (penalties.join() === '1,0,0') {
    const why = 'without --repeat-penalty, --frequency-penalty or --presence-penalty'
    refuseWithoutEffect({ '--repeat-last-n': flags.repeatLastN }, why)
  }
}

/** What closes a thinking that the model does not. */
export function thinkingFlags({ thinkingBudget, answerReserve, stopLoops }: RunFlags): Record<string, unknown> {
  return { '--thinking-budget': thinkingBudget, '--answer-reserve': answerReserve, '--stop-loops': stopLoops }
}

/** At temperature 0 the likeliest token is taken, whichever others would be drawn from. */
export function checkGreedy(flags: Pick<RunFlags, 'temperature' | 'topK' | 'topP' | 'minP'>): void {
  if (flags.temperature !== 0) return
  refuseWithoutEffect({ '--top-k': flags.topK, '--top-p': flags.topP, '--min-p': flags.minP }, 'with --temperature 0')
}
