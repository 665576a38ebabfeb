/** `dynts plan`: how many answers at a time fit into the memory, under which budget. Reads a model's header only. */
import { Command, Option } from 'commander'
import { defaultCacheSettings } from '../../engine/cache-settings.ts'
import { defaultMaxTokens } from '../../engine/prepare.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { InputError } from '../../errors.ts'
import { kvTypes, type KvType } from '../../llama/index.ts'
import { cacheBound } from '../../models/cache-bound.ts'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { fittingSlots, largestBudget, needOf, usableShare, usualPromptTokens } from '../../server/capacity.ts'
import { count, counted } from '../output/counted.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { shellWord } from '../message-line.ts'
import { modelOption, modelTitle } from '../options/model-option.ts'
import { memorySize } from '../options/memory-size.ts'
import { checkWhole, number } from '../options/option-values.ts'
import { formatTable } from '../output/table.ts'
import { writeResult } from '../output/write.ts'

interface PlanFlags {
  readonly model: string
  readonly memory?: string
  readonly budget?: number
  readonly parallel?: number
  readonly text?: number
  readonly kvType: KvType
  readonly offline?: boolean
  readonly json?: boolean
}

const usualBudgets = [2048, 3072, defaultCacheSettings.budget, 5000, 8192]

export function planCommand(): Command {
  return new Command('plan')
    .addOption(modelOption())
    .option('--memory <size>', 'what the server may take, e.g. 16GB (default: what is free)')
    .option('-b, --budget <cells>', 'for this budget only (default: a table of several)', number)
    .option('--parallel <n>', 'the largest budget for so many answers at a time', number)
    .option(
      '--text <tokens>',
      `prompt and answer of the full cache (default: ${defaultMaxTokens + usualPromptTokens})`,
      number,
    )
    .addOption(new Option('--kv-type <type>', 'number format of the cache').choices(kvTypes).default('f16'))
    .option('--offline', 'never ask the network')
    .option('--json', 'print one JSON object')
    .action((flags: PlanFlags) => plan(flags))
}

async function plan(flags: PlanFlags): Promise<void> {
  checkWhole('--budget', flags.budget, 3)
  checkWhole('--parallel', flags.parallel, 1, 4096)
  checkWhole('--text', flags.text, 2)
  const memory = flags.memory === undefined ? process.availableMemory() : memorySize('--memory', flags.memory)
  using signal = onInterrupt()
  const located = await findModel(flags, signal)
  if (!located) return
  const facts = planned(located, flags, memory)
  writeResult(flags, facts, `${modelTitle(located.info)}\n${describe(facts, flags)}`)
}

/** One row: a cache, and how many of it fit. */
interface PlannedCache {
  /** null: the full cache of the whole text. */
  readonly budget: number | null
  readonly cells: number
  readonly bytesEach: number
  readonly parallel: number
}

function planned({ info, predictor }: LocatedModel, flags: PlanFlags, memory: number) {
  const { kvType, parallel, budget } = flags
  const { impossible } = cacheBound(info)
  const usable = memory * usableShare
  const text = Math.min(flags.text ?? defaultMaxTokens + usualPromptTokens, info.trainedContext)
  const row = (of: number | null): PlannedCache => {
    const cells = of ?? text
    const need = needOf(info, { slots: 1, cells, kvType })
    return { budget: of, cells, bytesEach: need.cacheBytes, parallel: fittingSlots(info, { cells, kvType }, usable) }
  }
  if (impossible !== undefined && (budget !== undefined || parallel !== undefined)) {
    throw new InputError('model_not_evictable', `the cache of this model cannot be bounded: ${impossible}`)
  }
  const largest =
    parallel === undefined ? undefined : largestBudget(info, { slots: parallel, kvType, most: text }, usable)
  const asked =
    budget !== undefined
      ? [budget]
      : parallel !== undefined
        ? largest === undefined
          ? []
          : [largest]
        : budgetsOf(predictor).filter((one) => one < text)
  const { weightBytes, otherBytes, isUpperBound } = needOf(info, {
    slots: 1,
    cells: budget ?? defaultCacheSettings.budget,
    kvType,
  })
  const caches = [row(null), ...(impossible === undefined ? asked.map(row) : [])]
  return {
    schema: 'dynts.plan/1',
    model: info.name,
    kvType,
    memory,
    weightBytes,
    otherBytes,
    isUpperBound,
    text,
    largestBudget: parallel === undefined ? null : (largest ?? null),
    /** null: there is no predictor, or it recommends none. */
    recommendedBudget: predictor?.budget ?? null,
    caches,
    least: leastOf(info, impossible === undefined ? (budget ?? Math.min(text, ...budgetsOf(predictor))) : text, flags),
  }
}

/** The usual ones, and what the model's predictor recommends. */
function budgetsOf(predictor: LocatedModel['predictor']): number[] {
  const all = new Set([...usualBudgets, ...(predictor?.budget === undefined ? [] : [predictor.budget])])
  return [...all].sort((a, b) => a - b)
}

/** What the smallest cache that is looked at needs, in bytes of `--memory`. */
interface LeastNeed {
  readonly cells: number
  readonly parallel: number
  readonly memory: number
  /** Under a q8_0 cache; null: it is one. */
  readonly memoryOfQ8: number | null
}

function leastOf(info: GgufInfo, cells: number, { kvType, parallel = 1 }: PlanFlags): LeastNeed {
  const memoryOf = (type: KvType) =>
    Math.ceil(needOf(info, { slots: parallel, cells, kvType: type }).bytes / usableShare)
  return { cells, parallel, memory: memoryOf(kvType), memoryOfQ8: kvType === 'q8_0' ? null : memoryOf('q8_0') }
}

function describe(
  {
    memory,
    weightBytes,
    otherBytes,
    caches,
    kvType,
    least,
    isUpperBound,
    recommendedBudget,
  }: ReturnType<typeof planned>,
  flags: PlanFlags,
): string {
  const free = `${100 - usableShare * 100} % of ${formatBytes(memory)} stay free`
  const lines = [`weights ${formatBytes(weightBytes)}, buffers about ${formatBytes(otherBytes)}; ${free}`]
  if (isUpperBound) lines.push('Some layers may have a sliding window, and then take less than is said here.')
  lines.push('')
  const rows = caches.map(({ budget, cells, bytesEach, parallel }) => [
    budget === null ? 'full cache' : `budget ${count(budget)}`,
    ...[count(cells), formatBytes(bytesEach), count(parallel)],
  ])
  lines.push(formatTable([['', 'cells each', 'bytes each', 'at a time'], ...rows]), '')
  const bounded = caches.filter(({ budget, parallel }) => budget !== null && parallel > 0)
  const chosen =
    bounded.find(({ budget }) => budget === (recommendedBudget ?? defaultCacheSettings.budget)) ?? bounded.at(-1)
  const full = caches.find(({ budget, parallel }) => budget === null && parallel > 0)
  const [what, one] = chosen ? [`--budget ${chosen.budget}`, chosen] : [`--policy full --cells ${full?.cells}`, full]
  if (!one) return [...lines, whatWouldFit(least)].join('\n')
  const { parallel } = one
  const slots = Math.min(256, flags.parallel ?? parallel)
  const type = kvType === 'f16' ? '' : ` --kv-type ${kvType}`
  lines.push(
    `dynts serve --model ${shellWord(flags.model)} ${what} --parallel ${slots}${type}   serves ${counted(slots, 'answer')} at a time`,
  )
  return lines.join('\n')
}

function whatWouldFit({ cells, parallel, memory, memoryOfQ8 }: LeastNeed): string {
  const q8 = memoryOfQ8 === null ? '' : ` (with --kv-type q8_0 ${formatBytes(memoryOfQ8)})`
  const what = `${counted(parallel, 'answer')} at a time with ${count(cells)} cells`
  return `None of these fits. The least, ${what}, needs about ${formatBytes(memory)} of memory${q8}; a smaller model takes less.`
}
