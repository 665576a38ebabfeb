/** What a report is made of: folders of `dynts eval` and `dynts importance`, and files of trainings and of `dynts analyze`. */
import { existsSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { z } from 'zod'
import { importanceProfile, type TraceImportance, type TraceProfile } from '../analysis/importance-profile.ts'
import { readPareto, type ParetoSummary } from '../analysis/pareto/summarise-pareto.ts'
import { deciles } from '../analysis/word-shares.ts'
import { InputError } from '../errors.ts'
import type { AnswerGrader } from '../evaluation/grading/grade-answer.ts'
import { summarise, type EvalSummary } from '../evaluation/run/summarise.ts'
import { fileFailure } from '../records/file-failure.ts'
import { readWholeText } from '../records/input-file.ts'
import { parseJson, whyNot } from '../records/read-records.ts'
import { ImportanceStore } from '../traces/importance-store.ts'
import { findRuns, runKind, runNames } from './find-runs.ts'

const score = z.number().nullable()
const trainingSchema = z.object({
  schema: z.literal('dynts.training/1'),
  model: z.object({ name: z.string() }),
  data: z.object({ heldOut: z.object({ traces: z.number(), tokens: z.number() }) }),
  history: z.array(
    z.object({
      epoch: z.number(),
      trainingMse: score,
      heldOut: z.object({ mse: score, kendallTau: score, overlap: z.record(z.string(), score) }),
    }),
  ),
})
export type TrainingSource = z.infer<typeof trainingSchema> & Named

const estimate = z.object({
  mean: z.number(),
  interval: z.object({ low: z.number(), high: z.number() }).nullable(),
  items: z.number(),
})
const classEstimates = z.object({
  content: estimate.nullable(),
  function: estimate.nullable(),
  symbol: estimate.nullable(),
})
const wordsSchema = z.object({
  schema: z.literal('dynts.analyze.words/1'),
  model: z.object({ name: z.string() }),
  summary: z.object({
    traces: z.number(),
    questions: z.number(),
    thinkingTokens: z.number(),
    byDecile: z.array(classEstimates).length(deciles),
  }),
})
export type WordsSource = z.infer<typeof wordsSchema> & Named

const livePoint = z.object({
  step: z.number(),
  tokensPerSecond: z.number(),
  usedBytes: z.number(),
  flops: z.number(),
})
const liveRun = z.object({ allocatedBytes: z.number(), points: z.array(livePoint) })
const liveSchema = z.object({
  schema: z.literal('dynts.analyze.live/1'),
  model: z.object({ name: z.string(), quantization: z.string() }),
  settings: z.object({
    policy: z.string(),
    budget: z.number(),
    localWindow: z.number(),
    sequences: z.number(),
    tokens: z.number(),
    kvType: z.string(),
  }),
  machine: z.object({ backend: z.string(), threads: z.number() }),
  runs: z.array(z.object({ ratio: z.number() })).nonempty(),
  ratio: z.number(),
  full: liveRun,
  bounded: liveRun,
  evictions: z.array(
    z.object({ step: z.number(), tokensPerSecond: z.number().nullable(), cells: z.number(), flops: z.number() }),
  ),
})
export type LiveSource = z.infer<typeof liveSchema> & Named

const fullAndBounded = z.object({ full: z.number(), bounded: z.number(), ratio: z.number() })
const costSchema = z.object({
  schema: z.literal('dynts.analyze.cost/1'),
  shape: z.object({ name: z.string() }),
  settings: z.object({
    ...{ budget: z.number(), localWindow: z.number(), ratio: z.number(), promptCells: z.number() },
    ...{ textLength: z.number(), sequences: z.number(), kvType: z.string() },
  }),
  points: z.array(
    z.object({
      ...{ tokens: z.number(), evictions: z.number(), evicts: z.boolean() },
      ...{ cells: fullAndBounded, flops: fullAndBounded, bytes: fullAndBounded },
    }),
  ),
  published: z
    .object({ figure: z.number(), cellRatios: z.array(z.number()), flopsRatios: z.array(z.number()) })
    .nullable(),
})
export type CostSource = z.infer<typeof costSchema> & Named

const keptSchema = z.object({
  schema: z.literal('dynts.analyze.kept/1'),
  model: z.object({ name: z.string(), quantization: z.string() }),
  settings: z.object({
    budget: z.number(),
    localWindow: z.number(),
    ratio: z.number().nullable(),
    evictEvery: z.number().nullable(),
  }),
  trace: z.object({
    id: z.string(),
    promptTokens: z.number(),
    thinkStart: z.number(),
    thinkEnd: z.number(),
    tokens: z.number(),
  }),
  policies: z
    .array(
      z.object({
        title: z.string(),
        evictions: z.number(),
        readAtLast: z.number().nullable(),
        kept: z.array(z.tuple([z.number(), z.number()])),
      }),
    )
    .nonempty(),
})
export type KeptSource = z.infer<typeof keptSchema> & Named

const traceSchema = z.object({
  schema: z.literal('dynts.analyze.importance/1'),
  model: z.object({ name: z.string() }),
  trace: z.object({
    ...{ id: z.string(), question: z.string() },
    ...{ promptImportance: z.array(z.number()), importance: z.array(z.number()).nonempty() },
  }),
})

/** What a run is called, as short as tells it from the others. Undefined: it is the only one. */
export interface Named {
  readonly from?: string | undefined
}
export type EvalSource = EvalSummary & Named

/** The importance of a folder's traces, read once: all of their profiles, and the tokens of one; or of one trace alone. */
export interface ImportanceSource extends Named {
  readonly model: string
  /** Of all traces of a folder; none: it is of one that was asked for. */
  readonly profiles: readonly TraceProfile[]
  /** Of a folder that with the most thinking tokens; undefined: it has no trace. */
  readonly trace: TraceImportance | undefined
}

export interface ReportSources {
  readonly evaluations: readonly EvalSource[]
  readonly trainings: readonly TrainingSource[]
  readonly importance: readonly ImportanceSource[]
  readonly words: readonly WordsSource[]
  readonly paretos: readonly ParetoSource[]
  readonly kept: readonly KeptSource[]
  readonly live: readonly LiveSource[]
  readonly costs: readonly CostSource[]
}

/** Answers from parts of the thinking on one task. */
export interface ParetoSource extends ParetoSummary, Named {
  /** The task; of questions from files the name of the file of answers. */
  readonly name: string
}

/** A run that another path names as well: it is read once. */
export interface RepeatedRun {
  readonly path: string
  /** The path that it was read from. */
  readonly is: string
}

/** A run that could not be read. */
export interface UnreadRun {
  readonly path: string
  readonly error: InputError
}

/**
 * What can be read of the runs: one that cannot loses none of the others.
 * @param paths folders of `dynts eval` or `dynts importance`, `.metrics.json` files of `dynts train`, what `dynts analyze importance`,
 *   `words`, `kept`, `live`, `cost` and `pareto` wrote, and folders that hold any of these, such as that of `dynts fit`
 */
export async function readSources(
  paths: readonly string[],
  grader: AnswerGrader,
): Promise<{
  readonly sources: ReportSources
  readonly unread: readonly UnreadRun[]
  readonly repeated: readonly RepeatedRun[]
}> {
  const { found, repeated } = distinctRuns(paths)
  const unread: UnreadRun[] = []
  const sources = {
    evaluations: [] as EvalSource[],
    trainings: [] as TrainingSource[],
    importance: [] as ImportanceSource[],
    words: [] as WordsSource[],
    paretos: [] as ParetoSource[],
    kept: [] as KeptSource[],
    live: [] as LiveSource[],
    costs: [] as CostSource[],
  }
  const names = runNames(found.map(({ path }) => path))
  const read = async (path: string, from: string | undefined): Promise<void> => {
    const kind = runKind(path)
    if (kind === 'evaluation') {
      sources.evaluations.push({ ...(await summarise(path, { allowMissing: true, grader })), from })
    } else if (kind === 'importance') sources.importance.push({ ...readImportance(path), from })
    else if (kind === 'answers') sources.paretos.push({ ...readAnswers(path), from })
    else {
      const source = { ...readJson(path), from }
      if (source.schema === 'dynts.training/1') sources.trainings.push(source)
      else if (source.schema === 'dynts.analyze.words/1') sources.words.push(source)
      else if (source.schema === 'dynts.analyze.kept/1') sources.kept.push(source)
      else if (source.schema === 'dynts.analyze.cost/1') sources.costs.push(source)
      else if (source.schema === 'dynts.analyze.importance/1') sources.importance.push({ ...traceSource(source), from })
      else sources.live.push(source)
    }
  }
  for (const [i, { path, error }] of found.entries()) {
    if (error) unread.push({ path, error })
    else await read(path, names[i]).catch((reason: unknown) => unread.push({ path, error: inputError(reason) }))
  }
  return { sources, unread, repeated }
}

/** The runs that paths name, each once; and the paths that name none, each with what is wrong. */
function distinctRuns(paths: readonly string[]) {
  const found: { readonly path: string; readonly error?: InputError }[] = []
  const repeated: RepeatedRun[] = []
  const seen = new Map<string, string>()
  for (const path of paths) {
    const before = found.length + repeated.length
    const fail = (at: string, error: unknown) => found.push({ path: at, error: inputError(error) })
    for (const run of findRuns(path, fail)) {
      const real = realpathSync(run)
      const is = seen.get(real)
      if (is === undefined) found.push({ path: run })
      else repeated.push({ path: run, is })
      seen.set(real, is ?? run)
    }
    if (found.length + repeated.length === before) found.push({ path, error: notARun(path) })
  }
  return { found, repeated }
}

/** What is wrong with the input; anything else is thrown. */
function inputError(error: unknown): InputError {
  const known = error instanceof InputError ? error : fileFailure(error)
  if (known) return known
  throw error
}

function notARun(path: string): InputError {
  const what =
    'give folders of dynts eval, dynts importance or dynts fit, a .metrics.json of dynts train, or what dynts analyze wrote'
  const folder = dirname(resolve(path))
  if (existsSync(path) && runKind(folder) !== undefined)
    return new InputError('not_a_run', `${path} is a part of a run: give the folder ${folder}.`)
  const stats = statSync(path, { throwIfNoEntry: false })
  const why = !stats ? 'is not there' : stats.isDirectory() ? 'holds no run, down to three folders deep' : 'is no run'
  return new InputError('not_a_run', `${path} ${why}: ${what}.`)
}

function readJson(path: string) {
  const errors = { missing: 'not_a_run', invalid: 'not_a_run' }
  const value = parseJson(readWholeText(path, errors))
  const { data, error } = z
    .discriminatedUnion('schema', [trainingSchema, traceSchema, wordsSchema, keptSchema, liveSchema, costSchema])
    .safeParse(value)
  if (data) return data
  const [issue] = error.issues
  const why =
    value === undefined
      ? 'it is no JSON'
      : issue?.path[0] === 'schema'
        ? 'its schema is not one of this version'
        : whyNot(issue, value)
  throw new InputError('not_a_run', `${path} is damaged, or of another version of dynts: ${why}. Make it anew.`)
}

function readAnswers(path: string): ParetoSource {
  const { summary } = readPareto(path)
  if (!summary) throw notARun(path)
  return { ...summary, name: summary.task ?? basename(path).replace(/(?:\.traces)?(?:\.pareto)?\.jsonl$/, '') }
}

function traceSource({ model, trace }: z.infer<typeof traceSchema>): ImportanceSource {
  const { promptImportance, importance, ...ids } = trace
  const measured = {
    ...ids,
    promptImportance: Float32Array.from(promptImportance),
    importance: Float32Array.from(importance),
  }
  return { model: model.name, profiles: [], trace: measured }
}

function readImportance(folder: string): ImportanceSource {
  using store = ImportanceStore.open(folder)
  return importanceSource(store.manifest.model.name, measuredTraces(store))
}

function* measuredTraces(store: ImportanceStore): Generator<TraceImportance> {
  for (const record of store.records) yield { id: record.id, question: record.question, ...store.readScores(record) }
}

/** @param traces are looked at one after the other; of equally long ones the first is kept */
export function importanceSource(model: string, traces: Iterable<TraceImportance>): ImportanceSource {
  const profiles: TraceProfile[] = []
  let longest: TraceImportance | undefined
  for (const trace of traces) {
    const { id, question, importance, promptImportance } = trace
    profiles.push({ id, question, ...importanceProfile(importance, promptImportance) })
    if (!longest || importance.length > longest.importance.length) longest = trace
  }
  return { model, profiles, trace: longest }
}
