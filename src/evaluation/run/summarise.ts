/**
 * From the records of a folder to numbers: for each task and configuration the metrics with their intervals, and what is
 * missing.
 */
import { shareText } from '../../cache/budget.ts'
import { checkFields } from '../../check-shape.ts'
import { InputError } from '../../errors.ts'
import { formatPolicyReference } from '../../eviction/protect.ts'
import { sum } from '../metrics/estimate.ts'
import { summariseReplays, summariseSamples, type ReplaySummary, type SampleSummary } from './configuration-summary.ts'
import { boundOf, policyOf, type EvalIdentity, type JobSettings } from './eval-job.ts'
import { readPlan } from './eval-folder.ts'
import {
  narrowPlan,
  plannedGroups,
  type Configuration,
  type EvalPlan,
  type PlannedGroup,
  type PlannedTask,
} from './eval-plan.ts'
import { comparedWith, readFound, rowsOf, type FoundRecords, type Rows } from './found-records.ts'
import type { AnswerGrader } from '../grading/grade-answer.ts'

const summarySchema = 'dynts.eval.summary/1'

export interface SummariseOptions {
  /** Only what this plan has too. Default: all of the folder. */
  readonly within?: EvalPlan | undefined
  /** False: missing samples are an error. */
  readonly allowMissing: boolean
  /** For Pass@k and Maj@k. Default: the number of samples of an item, if there are several. */
  readonly k?: readonly number[] | undefined
  /** Tells which mathematical answers are the same, for Maj@k. */
  readonly grader: AnswerGrader
}

export interface ConfigurationSummary extends Omit<Configuration, 'kind' | 'items' | 'samples'> {
  readonly sampling: SampleSummary | null
  readonly replay: ReplaySummary | null
  /** Why jobs failed that have no record, the most frequent reason first. */
  readonly failures: readonly FailureSummary[]
  /** Jobs of the plan that have neither a record nor failed. */
  readonly missing: number
}

export interface FailureSummary {
  readonly reason: string
  readonly jobs: number
  /** One of them. */
  readonly example: string
}

export interface TaskSummary {
  readonly task: string
  readonly source: string
  readonly maxTokens: number
  readonly sampling: JobSettings['sampling']
  readonly configurations: readonly ConfigurationSummary[]
}

export interface EvalSummary extends EvalIdentity {
  readonly schema: typeof summarySchema
  readonly seed: number
  readonly kvType: string
  readonly tasks: readonly TaskSummary[]
  readonly planned: number
  /** Jobs that failed, and have no record. */
  readonly failed: number
  readonly missing: number
  /** Releases that the records were made with; several if they differ. */
  readonly versions: Readonly<Record<string, readonly string[]>>
}

/**
 * @throws InputError `no_plan`, `invalid_plan`, `invalid_records`, `no_records`, `too_few_samples`; `missing_samples`, saying of what how many
 */
export async function summarise(folder: string, options: SummariseOptions): Promise<EvalSummary> {
  checkFields(options, { within: true, allowMissing: true, k: true, grader: true }, 'the options of summarise')
  const whole = readPlan(folder)
  const plan = options.within ? narrowPlan(whole, options.within) : whole
  const found = readFound(folder)
  if (found.samples.size + found.replays.size === 0) {
    throw new InputError('no_records', `${folder} has no records yet: run the same dynts eval again.`)
  }
  checkK(plan, options.k ?? [])
  const groups = plannedGroups(plan)
  const tasks: TaskSummary[] = []
  for (const task of plan.tasks) {
    const ofTask = groups.filter((group) => group.task === task)
    tasks.push(await summariseTask(plan, task, ofTask, found, options))
  }
  const missing = sum(tasks.flatMap(({ configurations }) => configurations.map((one) => one.missing)))
  const failed = sum(tasks.flatMap(({ configurations }) => configurations.map(failedOf)))
  const planned = sum(groups.map(({ jobs }) => jobs.length))
  if (missing > 0 && !options.allowMissing) throw missingSamples(folder, tasks, missing)
  const { model, predictor, template, seed, kvType } = plan
  const versions = Object.fromEntries([...found.versions].map(([name, values]) => [name, [...values].sort()]))
  return { schema: summarySchema, model, predictor, template, seed, kvType, tasks, planned, failed, missing, versions }
}

async function summariseTask(
  plan: EvalPlan,
  { name, source, maxTokens, sampling }: PlannedTask,
  groups: readonly PlannedGroup[],
  found: FoundRecords,
  options: SummariseOptions,
): Promise<TaskSummary> {
  const rows = rowsOf(plan, groups, found)
  const configurations: ConfigurationSummary[] = []
  for (const row of rows) {
    const compared = comparedWith(row, rows)
    configurations.push({
      ...policyOf(row.configuration),
      ...boundOf(row.configuration),
      sampling: row.samples.length === 0 ? null : await summariseSamples(plan, row, compared, options),
      replay: row.replays.length === 0 ? null : summariseReplays(plan, row, compared),
      failures: failuresOf(row),
      missing: row.missing,
    })
  }
  return { task: name, source, maxTokens, sampling, configurations }
}

function failuresOf({ failures }: Rows): FailureSummary[] {
  const reasons = new Map<string, FailureSummary>()
  for (const { reason, job } of failures) {
    const { jobs = 0, example = job } = reasons.get(reason) ?? {}
    reasons.set(reason, { reason, jobs: jobs + 1, example })
  }
  return [...reasons.values()].sort((a, b) => b.jobs - a.jobs)
}

export function failedOf({ failures }: ConfigurationSummary): number {
  return sum(failures.map(({ jobs }) => jobs))
}

function checkK({ tasks }: EvalPlan, ks: readonly number[]): void {
  const most = Math.max(...tasks.flatMap(({ configurations }) => configurations.map(({ samples }) => samples)))
  const tooLarge = ks.find((k) => k > most)
  if (tooLarge === undefined) return
  throw new InputError('too_few_samples', `\`k: ${tooLarge}\` needs as many samples of an item; the run has ${most}.`)
}

function missingSamples(folder: string, tasks: readonly TaskSummary[], missing: number): InputError {
  const parts = tasks.flatMap(({ task, configurations }) =>
    configurations.filter((one) => one.missing > 0).map((one) => `${task} ${configurationName(one)}: ${one.missing}`),
  )
  const shown = parts.slice(0, 8).join(', ') + (parts.length > 8 ? ', ...' : '')
  return new InputError(
    'missing_samples',
    `${folder} lacks ${missing} of the planned samples (${shown}). Run the same dynts eval again, merge the shards that are missing, or use \`allowMissing\`.`,
  )
}

/** e.g. `h2o+question B 320 W_l 32 ratio 0.5`, `dynts B 320 W_l 32 evict-every 9`. */
export function configurationName({
  policy,
  protect,
  budget,
  localWindow,
  ...share
}: Omit<Configuration, 'kind' | 'items' | 'samples'>): string {
  const name = formatPolicyReference({ policy, protect })
  return budget === null ? name : `${name} B ${budget} W_l ${localWindow ?? ''} ${shareText(share)}`
}
