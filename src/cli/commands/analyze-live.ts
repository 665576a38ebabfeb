/** `dynts analyze live`: several sequences in step, the full cache beside a bounded one. */
import { Command } from 'commander'
import { predictorFlops } from '../../analysis/cost-model.ts'
import { attentionFlops, shapeOfModel, windowNotes } from '../../analysis/cost-shape.ts'
import {
  evictionRatios,
  livePoints,
  meanTokensPerSecond,
  measureRun,
  type LiveCosts,
  type MeasuredRun,
} from '../../analysis/live-run.ts'
import { bytesOfCells } from '../../cache/cell-bytes.ts'
import { Engine } from '../../engine/engine.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { settleRequest } from '../../engine/prepare.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { InputError } from '../../errors.ts'
import { resolvePolicy } from '../../eviction/registry.ts'
import { largestSeed } from '../../llama/index.ts'
import { cellBytes } from '../../models/memory-plan.ts'
import { parseReference } from '../../models/reference.ts'
import { calibrationOption, checkCalibrationUse } from '../options/calibration-option.ts'
import { findModel, type ModelFlags } from '../find-model.ts'
import { onInterrupt, untilInterrupted } from '../interrupt.ts'
import { liveText } from '../analyze/live-text.ts'
import { loadModel } from '../output/load-progress.ts'
import { addMachineOptions, checkDeviceFlags, type MachineFlags } from '../options/machine-options.ts'
import { modelOption, modelTitle } from '../options/model-option.ts'
import { checkWhole, number } from '../options/option-values.ts'
import { checkPredictorUse, predictorOption, takesRecommended } from '../options/predictor-option.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { demoQuestion } from '../run/question.ts'
import { policyBeforeLoading, settingFacts, windowLoss } from '../options/setting-facts.ts'
import { addBoundOptions, checkCacheFlags, type BoundFlags } from '../options/setting-flags.ts'
import { toStderr } from '../output/write.ts'
import { writeRecord } from '../output/write-record.ts'

interface LiveFlags extends MachineFlags, ModelFlags, BoundFlags {
  readonly policy?: string
  readonly sequences: number
  readonly tokens?: number
  readonly runs: number
  readonly seed: number
  readonly output?: string
  readonly json?: boolean
}

const usualQuestion = 'How many prime numbers are there between 1,000 and 1,100? List them, and check each.'
/** Without --tokens: so many budgets long, so that there is something to see. */
const lengthInBudgets = 4

export function analyzeLiveCommand(): Command {
  const command = new Command('live')
    .description('Tokens per second, cells and operations while sequences grow: the full cache beside a bounded one')
    .argument('[question]', 'what all sequences answer; where they would end, they go on')
    .addOption(modelOption())
    .addOption(predictorOption())
    .addOption(calibrationOption())
    .option('-p, --policy <name>', 'of the bounded cache (default: as for dynts run)')
  addBoundOptions(command)
    .option('--sequences <n>', 'in step with each other', number, 4)
    .option('--tokens <n>', 'of each sequence (default: four budgets, as far as the model was trained for)', number)
    .option('--runs <n>', 'of both caches, one after the other; the ratios are told with their spread', number, 3)
    .option('-s, --seed <n>', 'of the first sequence', number, 0)
    .option('-o, --output <file>', 'write the JSON object, for dynts report')
  return addMachineOptions(command)
    .option('--json', 'print one JSON object')
    .action((question: string | undefined, flags: LiveFlags) => analyzeLive(question, flags))
}

async function analyzeLive(question: string | undefined, flags: LiveFlags): Promise<void> {
  checkFlags(flags)
  using signal = onInterrupt()
  const located = await findModel(flags, signal)
  if (!located) return
  const request = requestOf(question ?? questionFor(flags), located, flags)
  for (const line of windowLoss(request.localWindow, located.info)) toStderr(line)
  const pairs = await untilInterrupted(signal, () => measure(located, request, flags, signal))
  if (!pairs) return void toStderr('Interrupted.')
  const record = recordOf(pairs, located, request, flags)
  writeRecord(flags, record, `${modelTitle(located.info)}\n${liveText(record)}`)
}

function checkFlags(flags: LiveFlags): void {
  checkDeviceFlags(flags)
  checkWhole('--sequences', flags.sequences, 1, 256)
  checkWhole('--tokens', flags.tokens, 100)
  checkWhole('--runs', flags.runs, 1, 100)
  checkWhole('--seed', flags.seed, 0, largestSeed)
  checkCacheFlags(flags)
  if (flags.output !== undefined) checkReplaceable(flags.output, 'json')
}

function questionFor({ model, seed }: LiveFlags): string {
  return parseReference(model).kind === 'embedded' ? demoQuestion(seed) : usualQuestion
}

/** @throws InputError `invalid_option` for a policy that never evicts, and what `settleRequest` throws */
function requestOf(question: string, located: LocatedModel, flags: LiveFlags): GenerateRequest {
  const { budget, localWindow, ratio, evictEvery, seed } = flags
  const facts = settingFacts(located)
  const policy = flags.policy ?? policyBeforeLoading(located, flags.gpu)
  const chosen = [{ definition: resolvePolicy(policy), title: policy }]
  checkCalibrationUse(flags, chosen)
  checkPredictorUse(flags, chosen, takesRecommended(flags))
  const request = { prompt: { messages: [{ role: 'user' as const, content: question }] }, policy, seed }
  const { settings } = settleRequest(facts, { ...request, budget, localWindow, ratio, evictEvery })
  if (!settings) throw new InputError('invalid_option', `--policy ${policy} never evicts: there is nothing to compare`)
  const maxTokens = flags.tokens ?? lengthInBudgets * settings.budget
  return { ...request, ...settings, maxTokens }
}

interface Pair {
  readonly full: MeasuredRun
  readonly bounded: MeasuredRun
}

interface Measured {
  readonly pairs: readonly Pair[]
  readonly machine: { readonly backend: string; readonly threads: number }
}

async function measure(
  located: LocatedModel,
  bounded: GenerateRequest,
  flags: LiveFlags,
  signal: AbortSignal,
): Promise<Measured> {
  using progress = new ProgressLine(process.stderr, 'steps')
  await using model = await loadModel(located, flags, { signal, say: (text) => progress.say(text) })
  const { maxTokens } = await model.plan(bounded)
  const whole: GenerateRequest = { prompt: bounded.prompt, seed: bounded.seed, policy: 'full', maxTokens }
  const total = 2 * flags.runs * maxTokens
  const pairs: Pair[] = []
  const { sequences, kvType } = flags
  const run = async (request: GenerateRequest, done: number): Promise<MeasuredRun> => {
    const label = `${request.policy ?? ''}, run ${pairs.length + 1} of ${flags.runs}`
    const onStep = (step: number) => progress.update(done + step, total, label)
    const { cells, attention } = await model.plan(request)
    await using engine = await Engine.create(model, { cells, sequences, kvType, attention })
    return await measureRun(engine, request, { sequences, signal, onStep })
  }
  for (let i = 0; i < flags.runs; i++) {
    const full = await run(whole, 2 * i * maxTokens)
    pairs.push({ full, bounded: await run({ ...bounded, maxTokens }, (2 * i + 1) * maxTokens) })
  }
  return { pairs, machine: { backend: model.backend, threads: model.threads } }
}

function recordOf({ pairs, machine }: Measured, located: LocatedModel, request: GenerateRequest, flags: LiveFlags) {
  const shape = shapeOfModel(located.info, flags.kvType)
  const perCell = cellBytes(located.info, flags.kvType)
  const { matrixElements, hiddenSize } = shape
  const policy = request.policy ?? ''
  const scoring = resolvePolicy(policy).needs.has('hidden-state') ? predictorFlops(hiddenSize) : 0
  const costs = (own: number): LiveCosts => ({
    bytesOf: (cells) => bytesOfCells(perCell, cells),
    flopsOf: (cells) => 2 * matrixElements + attentionFlops(shape, cells) + own,
  })
  const both = { full: costs(0), bounded: costs(scoring) }
  const ratioOf = ({ full, bounded }: Pair) => meanTokensPerSecond(bounded) / meanTokensPerSecond(full)
  const sorted = [...pairs].sort((a, b) => ratioOf(a) - ratioOf(b))
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  if (!median) throw new RangeError('there is no run')
  const { budget, localWindow, ratio, evictEvery, seed } = request
  return {
    schema: 'dynts.analyze.live/1' as const,
    model: { name: located.info.name, quantization: located.info.quantization },
    settings: {
      ...{ policy, budget, localWindow, ratio: ratio ?? null, evictEvery: evictEvery ?? null },
      ...{ sequences: flags.sequences, promptTokens: median.full.promptTokens, tokens: median.full.times.length },
      ...{ kvType: flags.kvType, seed },
    },
    machine,
    notes: windowNotes(located.info),
    runs: pairs.map((pair) => ({
      full: meanTokensPerSecond(pair.full),
      bounded: meanTokensPerSecond(pair.bounded),
      ratio: ratioOf(pair),
    })),
    ratio: ratioOf(median),
    /** Of the run with the median ratio. */
    full: { allocatedBytes: median.full.allocatedBytes, points: livePoints(median.full, both.full) },
    bounded: { allocatedBytes: median.bounded.allocatedBytes, points: livePoints(median.bounded, both.bounded) },
    evictions: evictionRatios(median.full, median.bounded, both),
    versions: { dynts: packageVersion() },
  }
}

export type LiveRecord = ReturnType<typeof recordOf>
