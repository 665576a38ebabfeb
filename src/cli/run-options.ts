/**
 * The options of `dynts run`, and what they mean. Checks the form of each value; whether the values fit together is checked
 * where they are used.
 */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { compactionChoices, type CompactionChoice } from '../cache/compaction.ts'
import type { GenerateRequest } from '../engine/types.ts'
import { InputError } from '../errors.ts'
import { isPolicyFile, policyFile } from '../eviction/load-policy.ts'
import { findPolicy, parsePolicyOptions, policyNames, policyOptionTable } from '../eviction/registry.ts'
import { defaultSampling, gpuChoices, kvTypes, type GpuChoice, type KvType } from '../llama/index.ts'

/** As commander gives them. */
export interface RunFlags {
  readonly model: string
  readonly predictor?: string
  readonly policy?: string
  readonly compare?: string[]
  /** Options of a user's own policy, as `name=value`. */
  readonly policyOption?: string[]
  readonly budget?: number
  readonly localWindow?: number
  readonly ratio?: number
  readonly maxTokens?: number
  readonly thinkingBudget?: number
  readonly temperature?: number
  readonly topK?: number
  readonly topP?: number
  readonly minP?: number
  readonly repeatPenalty?: number
  readonly repeatLastN?: number
  readonly frequencyPenalty?: number
  readonly presencePenalty?: number
  readonly stop?: string[]
  readonly seed: number
  readonly samples: number
  readonly system?: string
  /** False after `--no-thinking`. */
  readonly thinking: boolean
  readonly threads?: number
  readonly kvType: KvType
  readonly gpu: GpuChoice
  readonly gpuLayers?: number
  readonly flashAttention?: 'on' | 'off'
  readonly compaction: CompactionChoice
  readonly offline?: boolean
  readonly demo?: boolean
  readonly json?: boolean
  /** Options of single policies, e.g. `sinks`. */
  readonly [policyOption: string]: unknown
}

/** What of the flags is about policies. */
export type PolicyFlags = { readonly [K in 'policy' | 'compare' | 'policyOption']?: RunFlags[K] | undefined } & {
  readonly [policyOption: string]: unknown
}

export function addRunOptions(command: Command): Command {
  const s = defaultSampling
  command
    .option('-m, --model <model>', 'a GGUF file, "tiny", user/repo:QUANT, or an address on huggingface.co', 'tiny')
    .option('--predictor <file>', 'importance predictor, or "none" (default: found beside the model)')
    .option(
      '-p, --policy <name>',
      `${policyNames().join(', ')}, or a .ts or .js file with a policy of your own (default: dynts, without a predictor question-window)`,
    )
    .option(
      '--compare <policies>',
      'run the same question and seed under these policies too, separated by commas',
      list,
    )
    .option('-b, --budget <cells>', 'most cells that the cache of one sequence may hold', number)
    .option('--local-window <cells>', 'newest cells, which stay', number)
    .option('--ratio <share>', 'share of the selection window that an eviction keeps, 0 to 1', number)
  for (const { flag, description, default: fallback, policies } of policyOptionTable()) {
    command.option(`${flag} <value>`, `${description} (${policies.join(', ')}; default: ${String(fallback)})`)
  }
  return command
    .option('--policy-option <name=value>', 'option of a policy of your own; may be repeated', collect)
    .option('-n, --max-tokens <n>', 'most tokens to generate (default: 16384)', number)
    .option('--thinking-budget <n>', 'close the thinking after n tokens and answer', number)
    .option('-t, --temperature <t>', `0 is greedy (default: ${s.temperature})`, number)
    .option('--top-k <k>', `0 is off (default: ${s.topK})`, number)
    .option('--top-p <p>', `1 is off (default: ${s.topP})`, number)
    .option('--min-p <p>', `0 is off (default: ${s.minP})`, number)
    .option('--repeat-penalty <x>', `1 is off (default: ${s.repeatPenalty})`, number)
    .option('--repeat-last-n <n>', `tokens that penalties look back on (default: ${s.repeatLastN})`, number)
    .option('--frequency-penalty <x>', `(default: ${s.frequencyPenalty})`, number)
    .option('--presence-penalty <x>', `(default: ${s.presencePenalty})`, number)
    .option('--stop <text>', 'end the answer at this text; may be repeated', collect)
    .option('-s, --seed <n>', 'the same seed gives the same tokens again', number, 0)
    .option('--samples <n>', 'sequences in parallel, with the seeds that follow', number, 1)
    .option('--system <text>', 'system message')
    .option('--no-thinking', 'ask the template for an answer without thinking, where it can')
    .option('--threads <n>', 'compute threads (default: the physical cores, fewer for a small model)', number)
    .addOption(new Option('--kv-type <type>', 'number format of the cache').choices(kvTypes).default('f16'))
    .addOption(new Option('--gpu <back end>', 'where the layers run').choices(gpuChoices).default('auto'))
    .option('--gpu-layers <n>', 'layers on the GPU (default: all)', number)
    .addOption(new Option('--flash-attention <choice>', '(default: on a GPU and for q8_0)').choices(['on', 'off']))
    .addOption(
      new Option('--compaction <choice>', 'rewrite what an eviction leaves contiguously')
        .choices(compactionChoices)
        .default('auto'),
    )
    .option('--offline', 'never ask the network')
    .option('--demo', 'pose a question of the embedded model’s own kind')
    .option('--json', 'print one JSON object (an array with --samples or --compare)')
}

/**
 * The policies to run: `--policy` first (undefined: the default), then those of `--compare`.
 * @throws InputError for an unknown policy or a missing file, or options that none of them has
 */
export function policiesOf(flags: PolicyFlags): (string | undefined)[] {
  const policies = [flags.policy, ...(flags.compare ?? [])]
  for (const policy of policies) {
    if (policy === undefined) continue
    if (isPolicyFile(policy)) policyFile(policy)
    else findPolicy(policy)
  }
  if (flags.policyOption && !policies.some((policy) => policy !== undefined && isPolicyFile(policy))) {
    throw new InputError('invalid_policy_option', '--policy-option is for a policy of your own, from a file')
  }
  for (const { key, flag, policies: takers } of policyOptionTable()) {
    const taken = policies.some((policy) => policy !== undefined && takers.includes(policy))
    if (flags[key] !== undefined && !taken) {
      throw new InputError('invalid_policy_option', `${flag} is an option of ${takers.join(', ')} only`)
    }
  }
  return policies
}

/** What is generated under one of the policies, with one of the seeds. */
export function requestOf(
  flags: RunFlags,
  question: string,
  policy: string | undefined,
  sample: number,
): GenerateRequest {
  const system = flags.system === undefined ? [] : [{ role: 'system' as const, content: flags.system }]
  return {
    prompt: { messages: [...system, { role: 'user', content: question }], enableThinking: flags.thinking },
    policy,
    policyOptions: policyOptionsOf(flags, policy),
    budget: flags.budget,
    localWindow: flags.localWindow,
    ratio: flags.ratio,
    maxTokens: flags.maxTokens,
    thinkingBudget: flags.thinkingBudget,
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

/** The options of one policy, its defaults included; of a user's own those that are given. */
export function policyOptionsOf(flags: PolicyFlags, policy: string | undefined): Record<string, unknown> {
  if (policy === undefined) return {}
  if (isPolicyFile(policy)) return Object.fromEntries((flags.policyOption ?? []).map(nameAndValue))
  const own = policyOptionTable().filter(({ policies }) => policies.includes(policy))
  return parsePolicyOptions(findPolicy(policy), Object.fromEntries(own.map(({ key }) => [key, flags[key]])))
}

function nameAndValue(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name !== undefined && value !== undefined) return [name, value]
  throw new InputError('invalid_policy_option', `--policy-option must be name=value, not ${text}`)
}

/** Reads a number of an option. */
export function number(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('It is not a number.')
  return value
}

function list(text: string): string[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  if (items.length === 0) throw new InvalidArgumentError('It names no policy.')
  return items
}

function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text]
}
