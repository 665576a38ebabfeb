/**
 * The last step of `dynts fit`: the new predictor on traces that it was not trained on, beside policies that need none, and the
 * settings that follow from that.
 */
import { join } from 'node:path'
import { defined } from '../../defined.ts'
import { InputError } from '../../errors.ts'
import type { ReplayedSample } from '../../evaluation/metrics/replay-loss.ts'
import type { EvalRun } from '../../evaluation/run/run-eval.ts'
import { summarise } from '../../evaluation/run/summarise.ts'
import { replayTable } from '../../evaluation/run/summary-tables.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { recordsPath } from '../../evaluation/run/eval-folder.ts'
import type { JobSettings } from '../../evaluation/run/eval-job.ts'
import { evalRecords } from '../../evaluation/run/eval-record.ts'
import { defaultCacheSettings, defaultScoredPolicy, resolveCacheSettings } from '../../engine/cache-settings.ts'
import { fingerprint } from '../../engine/locate-model.ts'
import type { Fingerprint } from '../../predictor/index.ts'
import { cacheBound } from '../../models/cache-bound.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import { resolveModel } from '../../models/resolve.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { moveToBackup } from '../../records/backup.ts'
import { readRecords } from '../../records/read-records.ts'
import { countsOf, keptTraces } from '../../traces/kept-traces.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'
import { splitByQuestion } from '../../training/dataset.ts'
import {
  candidateBudgets,
  recommendPoint,
  type CandidateBudget,
  type HeldOutLosses,
  type MeasuredPoint,
} from '../../training/recommended-settings.ts'
import type { TrainingSettings } from '../../training/settings.ts'
import { evaluate } from '../commands/eval.ts'
import type { EvalFlags } from '../eval/eval-options.ts'
import { windowLoss } from '../options/setting-facts.ts'
import { formatDuration } from '../output/progress-line.ts'
import { concluded, type HeldOutResult } from './held-out-verdict.ts'
import type { Recommendation } from './predictor-file.ts'
import type { DeviceFlags } from '../options/machine-options.ts'
import type { TemplateFlags } from '../options/template-options.ts'
import type { Write } from '../output/write.ts'

export interface HeldOutReplayOptions {
  readonly flags: HeldOutFlags
  /** The trace file. */
  readonly traces: string
  /** The folder of their importance: its records say which questions were held out. */
  readonly importance: string
  readonly settings: Pick<TrainingSettings, 'validationShare' | 'seed'>
  /** The new predictor's file. */
  readonly predictor: string
  /** What the user recommends; the rest is measured. */
  readonly given: Recommendation
  /** The folder that keeps the measurements, and goes on with those that it has. */
  readonly work: string
  /** Gets the table, or the JSON object. */
  readonly write: Write
}

export interface HeldOutFlags extends DeviceFlags, TemplateFlags {
  readonly model: string
  readonly kvType: EvalFlags['kvType']
  readonly replayTraces: number
  readonly maxFailures: number
  readonly seed: number
  readonly json?: boolean
}

const { ratio: usualRatio = 0.4 } = defaultCacheSettings
const controls = ['full', 'question-window', 'random', 'keydiff']
/** K of the small steps that are tried beside the usual share of the cells. */
const smallStep = 16

/**
 * Prints the table of what was measured, or the JSON object.
 * @returns undefined if it was interrupted
 */
export async function replayHeldOut(options: HeldOutReplayOptions): Promise<HeldOutResult | undefined> {
  const { flags, given, work, write } = options
  const info = await inspectGguf((await resolveModel(flags.model, { offline: flags.offline })).path)
  const { impossible } = cacheBound(info)
  if (impossible !== undefined) return nothing(`the cache of this model cannot be bounded: ${impossible}`)
  const traces = heldOutTraces(options, fingerprint(info))
  const budgets = budgetsOf(traces, given)
  const middle = budgets[Math.floor(budgets.length / 2)]
  if (!middle) return nothing('their thinking is too short for a bounded cache')
  const file = join(work, 'held-out.jsonl')
  writeFileAtomic(file, traces.map((trace) => `${JSON.stringify(trace)}\n`).join(''))
  const folder = join(work, 'held-out')
  let json = ''
  const measure = async (policies: readonly string[], point: MeasuredPoint) => {
    const evaluated = evalFlags(options, { file, folder }, policies, point)
    return (await evaluateAnew(evaluated, { write: (text) => (json = text), isPart: true })) !== undefined
  }
  const candidates = given.policy === undefined ? [defaultScoredPolicy, 'dynts'] : [given.policy]
  const compared = [...controls, ...candidates]
  const atOthers = ['question-window', ...candidates]
  const share = given.evictEvery === undefined ? { ratio: given.ratio ?? usualRatio } : { evictEvery: given.evictEvery }
  const points = budgets.map((one) => ({ ...one, ...share }))
  const begun = performance.now()
  if (!(await measure(compared, { ...middle, ...share }))) return undefined
  const others = points.filter(({ budget }) => budget !== middle.budget)
  const rest = others.length * atOthers.length + (hasShare(given) ? 0 : 1)
  sayHowLong((((performance.now() - begun) / 1000) * rest) / compared.length)
  for (const point of others) if (!(await measure(atOthers, point))) return undefined
  const best = recommendPoint(lossesIn(folder, points), points, candidates, flags.seed)
  if (!best) return nothing('none of them fits into a bounded cache')
  const small = { budget: best.budget, localWindow: best.localWindow, evictEvery: smallStep }
  if (!hasShare(given) && !(await measure([best.policy], small))) return undefined
  write(flags.json === true ? json : await tableOf(folder))
  const result = concluded(lossesIn(folder, hasShare(given) ? points : [...points, small]), best, small, flags.seed)
  return { ...result, lines: [...result.lines, ...windowLoss(result.recommended.localWindow, info)] }
}

function nothing(why: string): HeldOutResult {
  return { recommended: {}, lines: [`The held-out traces are not replayed: ${why}.`] }
}

/** The first of the held-out traces, as they stand in the file. */
function heldOutTraces(options: HeldOutReplayOptions, model: Fingerprint): KeptTrace[] {
  const { flags, traces, importance, settings } = options
  using store = ImportanceStore.open(importance)
  const { heldOut } = splitByQuestion(store.records, settings.validationShare, settings.seed)
  const ids = new Set(heldOut.map(({ id }) => id))
  const chosen = new Map<string, KeptTrace>()
  for (const trace of keptTraces(traces, model)) {
    if (chosen.size >= flags.replayTraces) break
    if (ids.has(trace.id) && !chosen.has(trace.id)) chosen.set(trace.id, trace)
  }
  return [...chosen.values()]
}

function hasShare({ ratio, evictEvery }: Recommendation): boolean {
  return ratio !== undefined || evictEvery !== undefined
}

function budgetsOf(traces: readonly KeptTrace[], given: Recommendation): CandidateBudget[] {
  if (given.budget !== undefined) return [resolveCacheSettings({}, given)]
  const { localWindow } = given
  const budgets = candidateBudgets(traces.map(countsOf))
  if (localWindow === undefined) return budgets
  return budgets.filter(({ budget }) => budget > 2 * localWindow).map(({ budget }) => ({ budget, localWindow }))
}

function evalFlags(
  { flags, predictor }: HeldOutReplayOptions,
  { file, folder }: { readonly file: string; readonly folder: string },
  policies: readonly string[],
  { budget, localWindow, ratio, evictEvery }: MeasuredPoint,
): EvalFlags {
  const { model, gpu, gpuLayers, threads, offline, kvType, chatTemplate, templateVar, thinkingTags, maxFailures } =
    flags
  const share = evictEvery === undefined ? { ratio: [ratio ?? usualRatio] } : { evictEvery: [evictEvery] }
  return {
    ...defined({ gpuLayers, threads, offline, chatTemplate, templateVar, thinkingTags, json: flags.json }),
    ...{ model, gpu, kvType, maxFailures, predictor, seed: flags.seed },
    ...{ traces: file, policy: [...policies], budget: [budget], localWindow: [localWindow], ...share },
    ...{ output: folder, resume: true },
  }
}

/** What takes less is over before it is read. */
function sayHowLong(seconds: number): void {
  if (seconds >= 10)
    process.stderr.write(`Other budgets and smaller steps take about ${formatDuration(seconds)} more.\n`)
}

/** All rows, the smaller budgets first. */
async function tableOf(folder: string): Promise<string> {
  await using grader = new Grader()
  const { tasks } = await summarise(folder, { allowMissing: true, grader })
  const rows = tasks.flatMap(({ configurations }) => configurations)
  return replayTable([...rows].sort((a, b) => (a.budget ?? 0) - (b.budget ?? 0)))
}

/** Measurements of another predictor or of other traces are put aside. */
async function evaluateAnew(flags: EvalFlags, options: Parameters<typeof evaluate>[1]): Promise<EvalRun | undefined> {
  try {
    return await evaluate(flags, options)
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'plan_differs' || flags.output === undefined) throw error
    moveToBackup(flags.output)
    return await evaluate(flags, options)
  }
}

/** Of the full cache and of the settings of these points; the folder may have more. */
function lossesIn(folder: string, points: readonly MeasuredPoint[]): HeldOutLosses[] {
  const found = new Map<string, HeldOutLosses & { readonly losses: ReplayedSample[] }>()
  for (const record of readRecords(recordsPath(folder), evalRecords)) {
    if (record.kind !== 'replay' || record.loss === null) continue
    const { policy, item, sample, loss, settings } = record
    const point = settings.budget === null ? null : points.find((one) => isAt(settings, one))
    if (point === undefined) continue
    const key = JSON.stringify([policy, point])
    const one = found.get(key) ?? { policy, point, losses: [] }
    one.losses.push({ item, sample, loss })
    found.set(key, one)
  }
  return [...found.values()]
}

function isAt({ budget, localWindow, ratio, evictEvery }: JobSettings, point: MeasuredPoint): boolean {
  const isShare = ratio === (point.ratio ?? null) && evictEvery === (point.evictEvery ?? null)
  return budget === point.budget && localWindow === point.localWindow && isShare
}
