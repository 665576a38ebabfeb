/** What a report is made of: folders of `dynts eval` and `dynts importance`, and files of trainings and of `dynts analyze`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readPareto, type ParetoSummary } from '../analysis/pareto/summarise-pareto.ts'
import { deciles } from '../analysis/word-shares.ts'
import { InputError } from '../errors.ts'
import type { AnswerGrader } from '../evaluation/grading/grade-answer.ts'
import { hasPlan } from '../evaluation/run/eval-folder.ts'
import { summarise, type EvalSummary } from '../evaluation/run/summarise.ts'
import { readWholeText } from '../records/input-file.ts'
import { parseJson } from '../records/read-records.ts'
import { manifestName } from '../traces/importance-record.ts'
import { ImportanceStore } from '../traces/importance-store.ts'

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
export type TrainingSource = z.infer<typeof trainingSchema>

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
export type WordsSource = z.infer<typeof wordsSchema>

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
export type LiveSource = z.infer<typeof liveSchema>

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
export type KeptSource = z.infer<typeof keptSchema>

/** The importance of a folder's traces, read once. */
export interface ImportanceSource {
  readonly model: string
  readonly traces: readonly {
    readonly id: string
    /** Shapes [prompt tokens] and [thinking tokens]. */
    readonly question: Float32Array
    readonly thinking: Float32Array
  }[]
}

export interface ReportSources {
  readonly evaluations: readonly EvalSummary[]
  readonly trainings: readonly TrainingSource[]
  readonly importance: readonly ImportanceSource[]
  readonly words: readonly WordsSource[]
  readonly paretos: readonly ParetoSummary[]
  readonly kept: readonly KeptSource[]
  readonly live: readonly LiveSource[]
}

/** More traces of one folder change no picture. */
const mostTraces = 200

/**
 * @param paths folders of `dynts eval` or `dynts importance`, folders that hold such folders under the usual names, `.metrics.json`
 *   files of `dynts train`, and what `dynts analyze words`, `kept`, `live` and `pareto` wrote
 * @throws InputError `not_a_run` for anything else; what reading them throws
 */
export async function readSources(paths: readonly string[], grader: AnswerGrader): Promise<ReportSources> {
  const evaluations: EvalSummary[] = []
  const trainings: TrainingSource[] = []
  const importance: ImportanceSource[] = []
  const words: WordsSource[] = []
  const paretos: ParetoSummary[] = []
  const kept: KeptSource[] = []
  const live: LiveSource[] = []
  for (const path of paths) {
    if (hasPlan(path)) evaluations.push(await summarise(path, { allowMissing: true, grader }))
    else if (existsSync(join(path, manifestName))) importance.push(readImportance(path))
    else if (path.endsWith('.json')) {
      const source = readJson(path)
      if (source.schema === 'dynts.training/1') trainings.push(source)
      else if (source.schema === 'dynts.analyze.words/1') words.push(source)
      else if (source.schema === 'dynts.analyze.kept/1') kept.push(source)
      else live.push(source)
    } else if (path.endsWith('.jsonl')) paretos.push(readAnswers(path))
    else throw notARun(path)
  }
  return { evaluations, trainings, importance, words, paretos, kept, live }
}

function notARun(path: string): InputError {
  const what =
    'give folders of dynts eval or dynts importance, a .metrics.json of dynts train, or what dynts analyze wrote'
  return new InputError('not_a_run', `${path} ${existsSync(path) ? 'is no run' : 'is not there'}: ${what}.`)
}

function readJson(path: string): TrainingSource | WordsSource | KeptSource | LiveSource {
  const errors = { missing: 'not_a_run', invalid: 'not_a_run' }
  const { data } = z
    .discriminatedUnion('schema', [trainingSchema, wordsSchema, keptSchema, liveSchema])
    .safeParse(parseJson(readWholeText(path, errors)))
  if (!data) throw notARun(path)
  return data
}

function readAnswers(path: string): ParetoSummary {
  const summary = existsSync(path) ? readPareto(path).summary : undefined
  if (!summary) throw notARun(path)
  return summary
}

function readImportance(folder: string): ImportanceSource {
  using store = ImportanceStore.open(folder)
  const traces = store.records.slice(0, mostTraces).map((record) => {
    const { importance, promptImportance } = store.read(record)
    return { id: record.id, question: promptImportance, thinking: importance }
  })
  return { model: store.manifest.model.name, traces }
}
