/**
 * The options of `dynts trace`: names, defaults, and what is wrong with a value. Samples nothing.
 */
import { basename, extname } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { InputError } from '../../errors.ts'
import { defaultSampling, largestSeed, validateSampling } from '../../llama/index.ts'
import { endpointUrl } from '../../traces/endpoint-url.ts'
import { mathInstruction } from '../../evaluation/tasks/prompts.ts'
import { findTask, taskNames } from '../../evaluation/tasks/registry.ts'
import type { GivenFields } from '../../traces/given-row.ts'
import { maxFailuresOption } from '../output/failed-jobs.ts'
import { checkQueueFlags, queueOption, workerOnly } from '../queue-client.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption } from '../options/model-option.ts'
import { checkWhole, names, number, refuseWithoutEffect } from '../options/option-values.ts'
import { checkGreedy } from '../run/run-options.ts'
import { addTaskOptions, checkTaskFlags, type TaskFlags } from '../options/task-options.ts'
import { addTemplateOptions, type TemplateFlags } from '../options/template-options.ts'
import { addTraceSamplingOptions, samplingOf, type TraceSamplingFlags } from './trace-sampling.ts'

/** As commander gives them. */
export interface TraceFlags extends MachineFlags, TaskFlags, TemplateFlags, TraceSamplingFlags {
  readonly model: string
  /** Or `task` or `given`: one of the three. */
  readonly questions?: string
  readonly task?: string
  readonly given?: string
  readonly givenFields?: GivenFields
  readonly limit?: number
  readonly output?: string
  readonly resume: boolean
  readonly samples: number
  readonly maxTokens: number
  readonly maxLength: number
  readonly instruction?: string
  readonly parallel?: number
  readonly maxFailures: number
  readonly seed: number
  readonly queue?: string
  readonly endpoint?: string
  readonly endpointModel?: string
  readonly apiKeyEnv?: string
  readonly requestTimeout?: number
  readonly retries?: number
  readonly json?: boolean
}

const defaultKeyVariable = 'OPENAI_API_KEY'
/** `fetch` gives up on a connection that has been silent for longer. */
export const longestTimeout = 300
export const defaultRetries = 8

/** What is replayed has nothing to sample. */
const tracedTasks = taskNames.filter((name) => findTask(name).isReplayed !== true)

export function addTraceOptions(command: Command): Command {
  command
    .addOption(modelOption('the model (as for run --model); with --endpoint or --given only its vocabulary is read'))
    .option('--questions <file>', 'questions with answers: JSON Lines, JSON or Parquet')
    .option('--task <name>', `in place of --questions, asked and graded as dynts eval does: ${tracedTasks.join(', ')}`)
    .option('--given <file>', 'in place of --questions: traces that exist already, with thinking and reply')
    .option(
      '--given-fields <list>',
      'fields of --given: thinking=NAME,reply=NAME, or text=NAME of both with tags (default: the usual names)',
      givenFields,
    )
  addTaskOptions(command)
    .option('--limit <n>', 'read only the first n questions, or rows of --given', number)
    .option(
      '-o, --output <file>',
      'trace file (default: the name of the questions, task or traces, ending in .traces.jsonl)',
    )
    .option('--resume', 'go on with what the file holds', true)
    .option('--no-resume', 'put the file aside and begin anew')
    .option('--samples <n>', 'of each question', number, 5)
  addTraceSamplingOptions(command)
    .option('-n, --max-tokens <n>', 'most tokens to generate', number, 16_384)
    .option('--max-length <n>', 'drop traces of more tokens, prompt included', number, 18_000)
    .option(
      '--instruction <text>',
      `line behind each question; empty: none (default: "${mathInstruction}", and for the letter where there are choices; the embedded model’s problems get none)`,
    )
    .option('--parallel <n>', 'samples at the same time (default: 4; with --endpoint 8)', number)
    .addOption(maxFailuresOption('the run'))
    .option('-s, --seed <n>', 'of the sampling', number, 0)
    .addOption(queueOption())
    .option('--endpoint <url>', 'sample from this OpenAI-compatible server')
    .option('--endpoint-model <name>', 'the model’s name there (default: the only one that it lists)')
    .option(
      '--api-key-env <variable>',
      `environment variable with the API key (default: ${defaultKeyVariable}, if set)`,
    )
    .option(
      '--request-timeout <seconds>',
      `give a request up after so long without a sign of life (default: ${longestTimeout})`,
      number,
    )
    .option(
      '--retries <n>',
      `send a failed request again so many times, with longer and longer waits (default: ${defaultRetries})`,
      number,
    )
  return addMachineOptions(addTemplateOptions(command)).option('--json', 'print one JSON object')
}

/** `thinking=cot,reply=output` or `text=generation` */
function givenFields(text: string): GivenFields {
  const pairs = names(text).map((item) => {
    const [, part = '', name = ''] = /^(\w+)=(.+)$/.exec(item) ?? []
    if (!['thinking', 'reply', 'text'].includes(part)) {
      throw new InvalidArgumentError(`It takes thinking=NAME,reply=NAME or text=NAME, not "${item}".`)
    }
    return [part, name] as const
  })
  const parts = pairs.map(([part]) => part).sort()
  if (!['text', 'reply,thinking'].includes(parts.join())) {
    throw new InvalidArgumentError('It takes thinking and reply together, or text alone.')
  }
  return Object.fromEntries(pairs)
}

/** What sampling alone is about, and what `dynts trace` asks of the machine. */
const samplingOptions = [
  ...['samples', 'temperature', 'topP', 'topK', 'minP', 'maxTokens', 'parallel', 'maxFailures', 'queue', 'endpoint'],
  ...['endpointModel', 'apiKeyEnv', 'requestTimeout', 'retries'],
]
const machineOptions = ['seed', 'kvType', 'threads', 'gpu', 'gpuLayers']

/**
 * Where the traces come from: exactly one of `--questions`, `--task` and `--given`, and nothing that has no effect with it.
 * @param command that was parsed: it knows what was given and what is a default
 * @throws InputError `invalid_option`, `unknown_task`
 */
export function checkTraceSource(
  flags: TraceFlags,
  command: Command,
  { measures }: { readonly measures: boolean },
): void {
  const { questions, task, given, givenFields, file, generateSeed } = flags
  const sources = [questions, task, given].filter((one) => one !== undefined).length
  if (sources !== 1) {
    const which = sources === 0 ? '' : ': only one of these'
    throw new InputError(
      'invalid_option',
      `give --questions FILE or --task NAME to sample, or --given FILE with traces${which}`,
    )
  }
  if (task === undefined) refuseWithoutEffect({ '--file': file, '--generate-seed': generateSeed }, 'without --task')
  else checkTracedTask(task, flags)
  if (given === undefined) {
    refuseWithoutEffect({ '--given-fields': givenFields }, 'without --given')
    return
  }
  const useless = measures ? samplingOptions : [...samplingOptions, ...machineOptions]
  const stray = command.options.filter((option) => {
    const name = option.attributeName()
    return useless.includes(name) && command.getOptionValueSource(name) === 'cli'
  })
  refuseWithoutEffect(Object.fromEntries(stray.map(({ long }) => [long ?? '', true])), 'with --given')
}

function checkTracedTask(name: string, flags: TraceFlags): void {
  const task = findTask(name)
  if (task.isReplayed === true) {
    throw new InputError('invalid_option', `the task ${name} is replayed: there is nothing to sample`)
  }
  checkTaskFlags(flags, [task])
  refuseWithoutEffect({ '--instruction': flags.instruction }, 'with --task, whose prompts are complete')
}

export function outputOf(flags: TraceFlags): string {
  return flags.output ?? `${sourceName(flags)}.traces.jsonl`
}

/** The name of the task, or of the file that the traces are from, without its ending. */
export function sourceName({ questions, task, given }: TraceFlags): string {
  if (task !== undefined) return task
  const path = given ?? questions ?? ''
  return basename(path, extname(path))
}

/** @throws InputError `invalid_option`, `invalid_sampling`, `invalid_endpoint` */
export function checkTraceFlags(flags: TraceFlags): void {
  checkWhole('--limit', flags.limit, 1)
  checkWhole('--generate-seed', flags.generateSeed, 0, largestSeed)
  checkWhole('--samples', flags.samples, 1, 10_000)
  checkWhole('--max-tokens', flags.maxTokens, 1)
  checkWhole('--max-length', flags.maxLength, 2)
  checkWhole('--parallel', flags.parallel, 1, 256)
  checkWhole('--max-failures', flags.maxFailures, 1)
  checkWhole('--retries', flags.retries, 0, 1000)
  checkDeviceFlags(flags)
  checkQueueFlags(flags, { ...workerOnly(flags), '--endpoint': flags.endpoint })
  const { requestTimeout = longestTimeout } = flags
  if (!(requestTimeout > 0 && requestTimeout <= longestTimeout)) {
    throw new InputError(
      'invalid_option',
      `--request-timeout must be above 0 and at most ${longestTimeout}, not ${requestTimeout}`,
    )
  }
  checkGreedy(flags)
  validateSampling({ ...defaultSampling, ...samplingOf(flags) }, flags.seed)
  if (flags.endpoint === undefined) {
    const { endpointModel, apiKeyEnv, requestTimeout, retries } = flags
    const remoteOnly = { '--endpoint-model': endpointModel, '--api-key-env': apiKeyEnv }
    const timing = { '--request-timeout': requestTimeout, '--retries': retries }
    refuseWithoutEffect({ ...remoteOnly, ...timing }, 'without --endpoint')
    return
  }
  endpointUrl(flags.endpoint)
  apiKeyOf(flags)
}

/** Of the flags, what only `dynts fit` has a use for, which goes on to measure on this machine. @throws InputError `invalid_option` */
export function checkTraceCommand({ endpoint, kvType, threads, gpu, gpuLayers }: TraceFlags): void {
  if (endpoint === undefined) return
  const machine = { '--threads': threads, '--gpu': gpu !== 'auto', '--gpu-layers': gpuLayers }
  refuseWithoutEffect({ ...machine, '--kv-type': kvType !== 'f16' }, 'with --endpoint')
}

/** What is added behind a question: a line of its own, or nothing, as of a task; undefined: the usual sentences. */
export function instructionOf({ instruction, task }: TraceFlags): string | undefined {
  if (task !== undefined) return ''
  if (instruction === undefined) return undefined
  return instruction.trim() === '' ? '' : `\n${instruction.trim()}`
}

/** @throws InputError `invalid_option` for a variable that was named and is not set */
export function apiKeyOf({ apiKeyEnv }: TraceFlags): string | undefined {
  const key = process.env[apiKeyEnv ?? defaultKeyVariable]
  if (apiKeyEnv !== undefined && !key) {
    throw new InputError('invalid_option', `the environment variable ${apiKeyEnv} of --api-key-env is not set`)
  }
  return key === '' ? undefined : key
}
