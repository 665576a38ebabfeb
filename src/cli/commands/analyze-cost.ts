/** `dynts analyze cost`: what a bounded cache saves, by the paper's cost model and in bytes. Reads a model's header only. */
import { Command, Option } from 'commander'
import { shapeOfHeads, shapeOfModel, windowNotes, type CostShape } from '../../analysis/cost-shape.ts'
import { costTable, type CostSettings } from '../../analysis/cost-table.ts'
import { publishedCosts, publishedNames, type PublishedCosts } from '../../analysis/published-costs.ts'
import { defaultCacheSettings } from '../../engine/cache-settings.ts'
import { defaultMaxTokens } from '../../engine/prepare.ts'
import { InputError } from '../../errors.ts'
import { kvTypes, type KvType } from '../../llama/index.ts'
import { cacheBound } from '../../models/cache-bound.ts'
import { costText } from '../analyze/cost-text.ts'
import { findModel } from '../find-model.ts'
import { onInterrupt } from '../interrupt.ts'
import { checkCacheFlags } from '../options/setting-flags.ts'
import { modelTitle } from '../options/model-option.ts'
import { checkWhole, number, refuseWithoutEffect } from '../options/option-values.ts'
import { packageVersion } from '../package-version.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { writeRecord } from '../output/write-record.ts'

interface CostFlags {
  readonly model?: string
  readonly offline?: boolean
  readonly published?: (typeof publishedNames)[number]
  readonly layers?: number
  readonly hiddenSize?: number
  readonly queryHeads?: number
  readonly kvHeads?: number
  readonly headSize?: number
  readonly parameters?: number
  readonly bitsPerWeight?: number
  readonly prompt: number
  readonly budget?: number
  readonly localWindow?: number
  readonly ratio?: number
  readonly text?: number
  readonly parallel?: number
  readonly kvType: KvType
  readonly bandwidth?: number
  readonly output?: string
  readonly json?: boolean
}

/** So that the sums over all steps take no time. */
const mostText = 10_000_000
/** To the last eviction that Figures 5 and 14 show. */
const publishedText = 16_000

export function analyzeCostCommand(): Command {
  return new Command('cost')
    .description('What a bounded cache saves: the paper’s cost model, bytes and milliseconds')
    .option('-m, --model <model>', 'of this model (default: tiny): a file, "tiny", user/repo:QUANT, or an address')
    .option('--offline', 'never ask the network')
    .addOption(new Option('--published <name>', 'of a model of the paper, as in its figure').choices(publishedNames))
    .option('--layers <n>', 'of a shape: L', number)
    .option('--hidden-size <n>', 'of a shape: d', number)
    .option('--query-heads <n>', 'of a shape', number)
    .option('--kv-heads <n>', 'of a shape (default: as many as query heads)', number)
    .option('--head-size <n>', 'of a shape (default: hidden size / query heads)', number)
    .option('--parameters <n>', 'of a shape: weights that a token is multiplied with, e.g. 7.5e9', number)
    .option('--bits-per-weight <n>', 'of a shape (default: 16)', number)
    .option('--prompt <tokens>', 'M: tokens of the prompt', number, 0)
    .option('-b, --budget <cells>', `B (default: ${defaultCacheSettings.budget})`, number)
    .option('--local-window <cells>', `W_l (default: ${defaultCacheSettings.localWindow})`, number)
    .option('--ratio <share>', `of the selection window that is kept (default: ${defaultCacheSettings.ratio})`, number)
    .option('--text <tokens>', `prompt and generation (default: prompt and ${defaultMaxTokens})`, number)
    .option('--parallel <n>', 'sequences at a time (default: 1)', number)
    .addOption(new Option('--kv-type <type>', 'number format of the cache').choices(kvTypes).default('f16'))
    .option('--bandwidth <GB/s>', 'of the memory: milliseconds too, as if reading took all the time', number)
    .option('-o, --output <file>', 'write the JSON object, for dynts report')
    .option('--json', 'print one JSON object')
    .action((flags: CostFlags) => cost(flags))
}

async function cost(flags: CostFlags): Promise<void> {
  const published = flags.published === undefined ? undefined : publishedCosts[flags.published]
  const settings = settingsOf(flags, published)
  if (flags.output !== undefined) checkReplaceable(flags.output, 'json')
  const found = await shapeOf(flags, published)
  if (!found) return
  const { shape, notes, title } = found
  const table = costTable(shape, settings)
  // The printed labels are of one setting only.
  const compared = published && isAsPublished(settings, published) ? published : undefined
  const { bandwidth = null, ...rest } = settings
  const record = {
    schema: 'dynts.analyze.cost/1',
    shape,
    settings: { ...rest, kvType: flags.kvType, bandwidth },
    notes,
    ...table,
    published: compared ?? null,
    versions: { dynts: packageVersion() },
  }
  const text = costText(table, { shape, settings, notes, published: compared })
  writeRecord(flags, record, title === undefined ? text : `${title}\n${text}`)
}

function settingsOf(flags: CostFlags, published: PublishedCosts | undefined): CostSettings {
  const { prompt, bandwidth } = flags
  checkWhole('--prompt', prompt, 0, mostText)
  checkWhole('--text', flags.text, prompt + 1, mostText)
  checkWhole('--parallel', flags.parallel, 1, 4096)
  checkAboveZero('--bandwidth', bandwidth)
  checkCacheFlags(flags)
  const usual = published?.settings ?? defaultCacheSettings
  return {
    budget: flags.budget ?? usual.budget,
    localWindow: flags.localWindow ?? usual.localWindow,
    ratio: flags.ratio ?? usual.ratio,
    promptCells: prompt,
    textLength: flags.text ?? (published ? Math.max(publishedText, prompt + 1) : prompt + defaultMaxTokens),
    sequences: flags.parallel ?? published?.sequences ?? 1,
    bandwidth: bandwidth === undefined ? undefined : bandwidth * 1e9,
  }
}

function checkAboveZero(flag: string, value: number | undefined): void {
  if (value === undefined || value > 0) return
  throw new InputError('invalid_option', `${flag} must be a number above 0, not ${value}`)
}

function isAsPublished({ promptCells, ...settings }: CostSettings, published: PublishedCosts): boolean {
  const { budget, localWindow, ratio } = published.settings
  return (
    promptCells === 0 && settings.budget === budget && settings.localWindow === localWindow && settings.ratio === ratio
  )
}

interface FoundShape {
  readonly shape: CostShape
  /** What of the model is not counted. */
  readonly notes: readonly string[]
  /** Of a model's file. */
  readonly title?: string
}

/** Undefined: a download was interrupted, which is told. */
async function shapeOf(flags: CostFlags, published: PublishedCosts | undefined): Promise<FoundShape | undefined> {
  const { model, offline, kvType } = flags
  const { layers, hiddenSize, queryHeads, kvHeads, headSize, parameters, bitsPerWeight } = flags
  const ofShape = {
    '--layers': layers,
    '--hidden-size': hiddenSize,
    '--query-heads': queryHeads,
    '--kv-heads': kvHeads,
    '--head-size': headSize,
    '--parameters': parameters,
    '--bits-per-weight': bitsPerWeight,
  }
  if (published) {
    refuseWithoutEffect({ '--model': model, '--offline': offline, ...ofShape }, 'with --published')
    return { shape: shapeOfHeads(published.shape, kvType), notes: [] }
  }
  if (Object.values(ofShape).every((value) => value === undefined)) return await shapeOfFile(flags)
  refuseWithoutEffect({ '--model': model, '--offline': offline }, 'with a shape of your own')
  const { '--bits-per-weight': bits, ...whole } = ofShape
  for (const [flag, value] of Object.entries(whole)) checkWhole(flag, value, 1)
  checkAboveZero('--bits-per-weight', bits)
  if (layers === undefined || hiddenSize === undefined || queryHeads === undefined || parameters === undefined) {
    throw new InputError(
      'invalid_option',
      'a shape needs --layers, --hidden-size, --query-heads and --parameters; or give --model',
    )
  }
  const shape = {
    ...{ name: 'a shape of your own', layers, hiddenSize, queryHeads, kvHeads, headSize },
    matrixElements: parameters,
    bitsPerWeight: bitsPerWeight ?? 16,
  }
  return { shape: shapeOfHeads(shape, kvType), notes: [] }
}

async function shapeOfFile(flags: CostFlags): Promise<FoundShape | undefined> {
  const { model = 'tiny', kvType } = flags
  using signal = onInterrupt()
  const located = await findModel({ ...flags, model, predictor: 'none' }, signal)
  if (!located) return undefined
  const { impossible } = cacheBound(located.info)
  if (impossible !== undefined) {
    throw new InputError('model_not_evictable', `the cache of this model cannot be bounded: ${impossible}`)
  }
  return {
    shape: shapeOfModel(located.info, kvType),
    notes: windowNotes(located.info),
    title: modelTitle(located.info),
  }
}
