/**
 * The last step of `dynts fit`: the new predictor on traces that it was not trained on, beside policies that need none, and the
 * settings that follow from that.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
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
import { dyntsDiverse } from '../../eviction/policies/dynts-diverse.ts'
import { parsePolicyOptions } from '../../eviction/registry.ts'
import { fingerprint } from '../../engine/locate-model.ts'
import type { Fingerprint } from '../../predictor/index.ts'
import { cacheBound } from '../../models/cache-bound.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import { resolveModel } from '../../models/resolve.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { moveToBackup } from '../../records/backup.ts'
import { notNull } from '../../pick.ts'
import { readRecords } from '../../records/read-records.ts'
import { countsOf, keptTraces } from '../../traces/kept-traces.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import type { KeptTrace } from '../../traces/trace-record.ts'
import { splitByQuestion } from '../../training/dataset.ts'
import {
  bestOf,
  candidateBudgets,
  recommendPoint,
  type CandidateBudget,
  type HeldOutLosses,
  type MeasuredPoint,
  type RecommendedPoint,
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
/** Weights of diversity that are tried beside the usual one. */
const otherWeights = [0.1, 1]

/**
 * Prints the table of what was measured, complete at the settings that are recommended, or the JSON object.
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
  const folder = join(work, 'held-out')
  const text = traces.map((trace) => `${JSON.stringify(trace)}\n`).join('')
  // The table is of one set of traces, from which the budgets follow, too.
  if (existsSync(file) && readFileSync(file, 'utf8') !== text) moveToBackup(folder)
  writeFileAtomic(file, text)
  let json = ''
  const best = await chosenSettings(budgets, middle, {
    given,
    seed: flags.seed,
    measure: async (policies, point, diversity) => {
      const evaluated = evalFlags(options, { file, folder }, { policies, diversity }, point)
      return (await evaluateAnew(evaluated, { write: (text) => (json = text), isPart: true })) !== undefined
    },
    measured: () => lossesIn(folder),
  })
  if (best === 'interrupted') return undefined
  if (best === undefined) return nothing('none of them fits into a bounded cache')
  write(flags.json === true ? json : await tableOf(folder))
  const result = concluded(lossesIn(folder), best, flags.seed)
  return { ...result, lines: [...result.lines, ...windowLoss(result.recommended.localWindow, info)] }
}

interface Measuring {
  readonly given: Recommendation
  readonly seed: number
  /** @returns false if it was interrupted */
  readonly measure: (policies: readonly string[], point: MeasuredPoint, diversity: number) => Promise<boolean>
  /** By now. */
  readonly measured: () => HeldOutLosses[]
}

/**
 * Measures what there is to choose from, and at the end what is missing for a comparison under the settings that are chosen.
 * @returns undefined if nothing could be replayed
 */
async function chosenSettings(
  budgets: readonly CandidateBudget[],
  middle: CandidateBudget,
  { given, seed, measure, measured }: Measuring,
): Promise<RecommendedPoint | 'interrupted' | undefined> {
  const weight = given.diversity ?? parsePolicyOptions(dyntsDiverse, {}).diversity
  const scored = scoredOf(given)
  const compared = [...controls, ...scored]
  const share = given.evictEvery === undefined ? { ratio: given.ratio ?? usualRatio } : { evictEvery: given.evictEvery }
  const points = budgets.map((one) => pointOf({ ...one, ...share }))
  const first = pointOf({ ...middle, ...share })
  const begun = performance.now()
  if (!(await measure(compared, first, weight))) return 'interrupted'
  const secondsEach = (performance.now() - begun) / 1000 / compared.length
  sayHowLong(secondsEach * (mostReplays(given, budgets.length) - compared.length))
  for (const point of points) {
    if (point.budget === first.budget) continue
    if (!(await measure(['question-window', ...scored], point, weight))) return 'interrupted'
  }
  const candidates = scored.map((policy) => (policy === dyntsDiverse.name ? { policy, diversity: weight } : { policy }))
  const atBest = recommendPoint(measured(), points, candidates, seed)
  if (!atBest) return undefined
  const { policy, diversity } = atBest
  const small = pointOf({ ...atBest, evictEvery: smallStep })
  if (!hasShare(given) && !(await measure([policy], small, weight))) return 'interrupted'
  const usual = bestOf(measured(), atBest, hasShare(given) ? [] : [{ policy, diversity, ...small }], seed)
  const point = pointOf(usual)
  const weights = diversity === undefined || given.diversity !== undefined ? [] : otherWeights
  for (const other of weights) if (!(await measure([policy], point, other))) return 'interrupted'
  if (!isDeepStrictEqual(point, first) && !(await measure(compared, point, weight))) return 'interrupted'
  const others = weights.map((other) => ({ ...usual, diversity: other }))
  return bestOf(measured(), usual, others, seed)
}

function scoredOf({ policy }: Recommendation): string[] {
  return policy === undefined ? [defaultScoredPolicy, 'dynts'] : [policy]
}

/**
 * How often each trace is replayed at most.
 * @param budgets of how many there is a choice
 */
export function mostReplays(given: Recommendation, budgets = given.budget === undefined ? 3 : 1): number {
  const scored = scoredOf(given)
  const smallSteps = hasShare(given) ? 0 : 1
  const weights = scored.includes(dyntsDiverse.name) && given.diversity === undefined ? otherWeights.length : 0
  // `full` is measured once, and under small steps one of the scored policies.
  const missing = controls.length - 1 + (smallSteps > 0 ? scored.length - 1 : -1)
  const atChosen = budgets > 1 || smallSteps > 0 ? missing : 0
  return controls.length + scored.length + (budgets - 1) * (1 + scored.length) + smallSteps + weights + atChosen
}

function pointOf({ budget, localWindow, ratio, evictEvery }: MeasuredPoint): MeasuredPoint {
  return { budget, localWindow, ...(evictEvery === undefined ? defined({ ratio }) : { evictEvery }) }
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
  { policies, diversity }: { readonly policies: readonly string[]; readonly diversity: number },
  { budget, localWindow, ratio, evictEvery }: MeasuredPoint,
): EvalFlags {
  const { model, gpu, gpuLayers, threads, offline, kvType, chatTemplate, templateVar, thinkingTags, maxFailures } =
    flags
  const share = evictEvery === undefined ? { ratio: [ratio ?? usualRatio] } : { evictEvery: [evictEvery] }
  return {
    ...defined({ gpuLayers, threads, offline, chatTemplate, templateVar, thinkingTags, json: flags.json }),
    ...{ model, gpu, kvType, maxFailures, predictor, seed: flags.seed },
    ...{ traces: file, policy: [...policies], budget: [budget], localWindow: [localWindow], ...share },
    ...(policies.includes(dyntsDiverse.name) ? { diversity } : {}),
    ...{ output: folder, resume: true },
  }
}

/** What takes less is over before it is read. */
function sayHowLong(seconds: number): void {
  if (seconds >= 10)
    process.stderr.write(
      `Other budgets, smaller steps and weights of diversity take about ${formatDuration(seconds)} more.\n`,
    )
}

/** All rows, the smaller budgets first, under each those with a ratio first. */
async function tableOf(folder: string): Promise<string> {
  await using grader = new Grader()
  const { tasks } = await summarise(folder, { allowMissing: true, grader })
  const rows = tasks.flatMap(({ configurations }) => configurations)
  return replayTable([...rows].sort((a, b) => orderOf(a.budget, b.budget) || orderOf(a.evictEvery, b.evictEvery)))
}

function orderOf(a: number | null, b: number | null): number {
  return (a ?? 0) - (b ?? 0)
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

/** Of everything that the folder has. */
function lossesIn(folder: string): HeldOutLosses[] {
  const found = new Map<string, HeldOutLosses & { readonly losses: ReplayedSample[] }>()
  for (const record of readRecords(recordsPath(folder), evalRecords)) {
    if (record.kind !== 'replay' || record.loss === null) continue
    const { policy, policyOptions, item, sample, loss, settings } = record
    const { diversity } = policyOptions
    const point = measuredPoint(settings)
    const key = JSON.stringify([policy, diversity, point])
    const one = found.get(key) ?? {
      ...{ policy, point, losses: [] },
      ...(typeof diversity === 'number' ? { diversity } : {}),
    }
    one.losses.push({ item, sample, loss })
    found.set(key, one)
  }
  return [...found.values()]
}

function measuredPoint({ budget, localWindow, ratio, evictEvery }: JobSettings): MeasuredPoint | null {
  if (budget === null || localWindow === null) return null
  return { budget, localWindow, ...notNull({ ratio, evictEvery }) }
}
