/** What a report is made of: folders of `dynts eval` and `dynts importance`, and the figures of trainings. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
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
}

/** More traces of one folder change no picture. */
const mostTraces = 200

/**
 * @param paths folders of `dynts eval` or `dynts importance`, folders that hold such folders under the usual names, and `.metrics.json`
 *   files of `dynts train`
 * @throws InputError `not_a_run` for anything else; what reading them throws
 */
export async function readSources(paths: readonly string[], grader: AnswerGrader): Promise<ReportSources> {
  const evaluations: EvalSummary[] = []
  const trainings: TrainingSource[] = []
  const importance: ImportanceSource[] = []
  for (const path of paths) {
    if (hasPlan(path)) evaluations.push(await summarise(path, { allowMissing: true, grader }))
    else if (existsSync(join(path, manifestName))) importance.push(readImportance(path))
    else if (path.endsWith('.json')) trainings.push(readTraining(path))
    else throw notARun(path)
  }
  return { evaluations, trainings, importance }
}

function notARun(path: string): InputError {
  const what = 'give folders of dynts eval or dynts importance, or a .metrics.json of dynts train'
  return new InputError('not_a_run', `${path} ${existsSync(path) ? 'is no run' : 'is not there'}: ${what}.`)
}

function readTraining(path: string): TrainingSource {
  const errors = { missing: 'not_a_run', invalid: 'not_a_run' }
  const { data } = trainingSchema.safeParse(parseJson(readWholeText(path, errors)))
  if (!data) throw notARun(path)
  return data
}

function readImportance(folder: string): ImportanceSource {
  using store = ImportanceStore.open(folder)
  const traces = store.records.slice(0, mostTraces).map((record) => {
    const { importance, promptImportance } = store.read(record)
    return { id: record.id, question: promptImportance, thinking: importance }
  })
  return { model: store.manifest.model.name, traces }
}
