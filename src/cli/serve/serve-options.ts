/** The options of `dynts serve`, and what can be said of them alone. */
import { Command, Help, Option } from 'commander'
import { InputError } from '../../errors.ts'
import { policyNames } from '../../eviction/registry.ts'
import { efforts } from '../../server/chat/thinking.ts'
import { logLevels, type LogLevel } from '../../server/log.ts'
import type { ReasoningField } from '../../server/chat/completion.ts'
import { calibrationOption } from '../options/calibration-option.ts'
import { addPolicyOptions, type PolicyFlags } from '../options/chosen-policies.ts'
import type { ModelFlags } from '../find-model.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, names, number } from '../options/option-values.ts'
import { predictorOption } from '../options/predictor-option.ts'
import {
  addCacheOptions,
  addSamplingOptions,
  checkCacheFlags,
  checkSamplingFlags,
  type CacheSettingFlags,
  type SamplingFlags,
} from '../options/setting-flags.ts'
import { addTemplateOptions, type TemplateFlags } from '../options/template-options.ts'
import { isSwitch, readSwitches, strayVariables, variableOf } from './serve-environment.ts'

/** As commander gives them. */
export interface ServeFlags
  extends MachineFlags, PolicyFlags, TemplateFlags, ModelFlags, CacheSettingFlags, SamplingFlags {
  readonly host: readonly string[]
  readonly port: number
  readonly alias?: readonly string[]
  readonly strictModel?: boolean
  readonly parallel: number
  readonly policy?: string
  readonly cells?: number
  readonly attention?: boolean
  readonly maxTokens: number
  readonly maxTokensLimit?: number
  readonly thinkingBudget?: number
  readonly effortBudgets?: readonly string[]
  readonly system?: string
  readonly reasoningField: ReasoningField
  readonly maxQueue: number
  readonly queueTimeout: number
  readonly requestTimeout?: number
  readonly stallTimeout: number
  readonly pingInterval: number
  readonly drainTimeout: number
  readonly apiKey?: string
  readonly apiKeyFile?: string
  /** False after `--no-auth`. */
  readonly auth: boolean
  readonly allowOrigin?: readonly string[]
  readonly allowHost?: readonly string[]
  readonly maxBody: number
  readonly maxText?: number
  readonly promptCache?: string
  readonly sharePrompts?: boolean
  readonly trustSpecial?: boolean
  readonly memory?: string
  readonly force?: boolean
  /** False after `--no-metrics`. */
  readonly metrics: boolean
  /** False after `--no-page`. */
  readonly page: boolean
  /** False after `--no-slots`. */
  readonly slots: boolean
  readonly logLevel: LogLevel
  readonly logPrompts?: boolean
  readonly [option: string]: unknown
}

const seconds = (flag: string, text: string, value: number) =>
  new Option(`${flag} <seconds>`, text).argParser(number).default(value)

export function addServeOptions(command: Command): Command {
  // A command listens to an option's variable only if the option has it when it is added.
  for (const option of withoutVariables().options) {
    command.addOption(isSwitch(option) ? option : option.env(variableOf(option)))
  }
  return command
    .hook('preAction', () => {
      readSwitches(command, process.env)
      const stray = strayVariables(command, process.env)
      if (stray.length > 0) process.stderr.write(`warning: dynts serve has no options for ${stray.join(', ')}\n`)
    })
    .configureHelp({ optionDescription: describe })
    .addHelpText(
      'after',
      '\nEach option has an environment variable: DYNTS_PARALLEL=8 is --parallel 8, DYNTS_NO_AUTH=1 is --no-auth. An option wins.',
    )
}

/** Without the variable, which would stand behind each. */
function describe(option: Option): string {
  const { envVar } = option
  delete option.envVar
  const text = new Help().optionDescription(option)
  if (envVar !== undefined) option.env(envVar)
  return text
}

function withoutVariables(): Command {
  const command = new Command()
  command
    .addOption(modelOption())
    .addOption(predictorOption())
    .addOption(calibrationOption())
    .option('--host <addresses>', 'where to listen, separated by commas; what is not loopback needs a key', names, [
      '127.0.0.1',
    ])
    .option('--port <n>', '0: any that is free', number, 8080)
    .option('--alias <names>', 'names of the model in the API, separated by commas (default: the model’s)', names)
    .option('--strict-model', 'refuse requests for another model')
    .option('-p, --parallel <n>', 'slots: generations at the same time', number, 4)
    .option(
      '--policy <name>',
      `${policyNames().join(', ')}, or a file with a policy of your own: what a request gets that names none`,
    )
  addCacheOptions(command, 'most cells that a request’s cache may hold, where it says nothing')
    .option(
      '--cells <n>',
      'cells of each slot: the largest budget of a request (default: --budget; under full 8192)',
      number,
    )
    .option('--attention', 'read attention weights, for requests under h2o, snapkv, r-kv and tova')
  addPolicyOptions(command)
    .option('-n, --max-tokens <n>', 'most tokens of a request that says nothing', number, 16_384)
    .option('--max-tokens-limit <n>', 'most tokens that a request may ask for', number)
    .option('--thinking-budget <n>', 'thinking tokens of a request that says nothing', number)
    .option('--effort-budgets <list>', 'thinking tokens by effort, e.g. low=1024,medium=4096', names)
    .option('--system <text>', 'system message of conversations that have none')
  addSamplingOptions(command)
    .addOption(
      new Option('--reasoning-field <name>', 'where answers have the thinking')
        .choices(['reasoning_content', 'reasoning', 'both'])
        .default('reasoning_content'),
    )
    .option('--max-queue <n>', 'most generations that wait for a slot', number, 64)
    .addOption(seconds('--queue-timeout', 'longest wait for a slot', 600))
    .option('--request-timeout <seconds>', 'longest generation; it ends with `length` there (default: none)', number)
    .addOption(seconds('--stall-timeout', 'an engine that says nothing for so long is started again', 120))
    .addOption(seconds('--ping-interval', 'signs of life in long silences; 0: none', 15))
    .addOption(seconds('--drain-timeout', 'what runs may go on for so long when the server is stopped', 30))
    .option('--api-key <key>', 'key that requests must have')
    .option('--api-key-file <file>', 'keys, one a line: KEY or NAME:KEY; # begins a comment')
    .option('--no-auth', 'listen elsewhere than on loopback without a key')
    .option('--allow-origin <origins>', 'origins of web pages that may ask, separated by commas; * for all', names)
    .option('--allow-host <names>', 'further names by which the server may be called, separated by commas', names)
    .option('--max-body <bytes>', 'largest body of a request', number, 2 * 2 ** 20)
    .option('--max-text <bytes>', 'most text of a request (default: what may fit a slot, up to 1 MiB)', number)
    .option(
      '--prompt-cache <size>',
      'saved prompts, from which those that begin alike are copied; 0: none (default: 512MiB)',
    )
    .option('--share-prompts', 'copy from the prompts of other clients too')
    .option('--trust-special', 'special tokens that a user’s message spells, such as <|im_end|>, are special')
    .option('--memory <size>', 'what the server may take, e.g. 16GB (default: what is free)')
    .option('--force', 'start also if the memory may not suffice')
    .option('--no-metrics', 'without /metrics')
    .option('--no-page', 'without the page')
    .option('--no-slots', 'without /slots')
    .addOption(new Option('--log-level <level>', 'what is logged').choices(logLevels).default('info'))
    .option('--log-prompts', 'log what was asked and answered, too')
  addTemplateOptions(addMachineOptions(command))
  return command
}

/** @throws InputError `invalid_option` */
export function checkServeFlags(flags: ServeFlags): void {
  checkWhole('--port', flags.port, 0, 65_535)
  checkWhole('--parallel', flags.parallel, 1, 256)
  checkWhole('--cells', flags.cells, 1)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  checkWhole('--max-tokens-limit', flags.maxTokensLimit, 1)
  checkWhole('--thinking-budget', flags.thinkingBudget, 0)
  checkWhole('--max-queue', flags.maxQueue, 0, 4096)
  checkWhole('--max-body', flags.maxBody, 1024, 64 * 2 ** 20)
  checkWhole('--max-text', flags.maxText, 1024, 8 * 2 ** 20)
  checkCacheFlags(flags)
  checkSamplingFlags(flags)
  checkDeviceFlags(flags)
  const times = { '--queue-timeout': flags.queueTimeout, '--stall-timeout': flags.stallTimeout }
  for (const [flag, value] of Object.entries(times)) checkSeconds(flag, value, 1)
  if (flags.requestTimeout !== undefined) checkSeconds('--request-timeout', flags.requestTimeout, 1)
  checkSeconds('--ping-interval', flags.pingInterval, 0)
  checkSeconds('--drain-timeout', flags.drainTimeout, 0)
  if (flags.cells !== undefined && flags.budget !== undefined && flags.budget > flags.cells) {
    throw new InputError('invalid_option', `--budget ${flags.budget} does not fit into --cells ${flags.cells}`)
  }
}

/**
 * `--effort-budgets`: thinking tokens by effort.
 * @throws InputError `invalid_option`
 */
export function effortBudgets(given: readonly string[] | undefined): ReadonlyMap<string, number> | undefined {
  if (given === undefined) return undefined
  const known = efforts.filter((effort) => effort !== 'none')
  const pairs = given.map((text) => {
    const [, name = '', tokens = ''] = /^([a-z]+)=(\d{1,9})$/.exec(text.trim()) ?? []
    if (known.some((effort) => effort === name)) return [name, Number(tokens)] as const
    throw new InputError(
      'invalid_option',
      `--effort-budgets ${text}: it must be EFFORT=TOKENS with one of ${known.join(', ')}`,
    )
  })
  return new Map(pairs)
}

function checkSeconds(flag: string, value: number, least: number): void {
  if (value >= least && value <= 7 * 24 * 3600) return
  throw new InputError('invalid_option', `${flag} must be from ${least} to ${7 * 24 * 3600} seconds, not ${value}`)
}
