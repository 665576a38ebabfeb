/**
 * Carries out a plan in a folder: one configuration after another, many sequences at a time, each record kept as soon as it
 * is there. What was recorded before is not done again.
 */
import { checkFields } from '../../check-shape.ts'
import { InputError } from '../../errors.ts'
import type { JobOutcome } from '../../jobs/job.ts'
import { RunFailures } from '../../jobs/run-failures.ts'
import { defaultMaxFailures, runJobs } from '../../jobs/run-jobs.ts'
import { versionsOf } from '../../jobs/versions.ts'
import type { WriteLock } from '../../records/file-lock.ts'
import { RecordFile } from '../../records/record-file.ts'
import { planJob, type EvalExecutor } from './eval-engine.ts'
import {
  evalFailuresPath,
  hasPlan,
  putFolderAside,
  readPlan,
  recordsPath,
  withEvalFolder,
  writePlan,
} from './eval-folder.ts'
import { isInShard, jobKey, evalJobTitle, type EvalJob, type ReplayReference, type Shard } from './eval-job.ts'
import { areReferences, extendPlan, plannedGroups } from './eval-plan.ts'
import type { EvalPlan, PlannedGroup, PlannedTask } from './eval-plan.ts'
import { evalRecords, type EvalRecord } from './eval-record.ts'
import { refusedRecord, type EvalSetting } from './graded-record.ts'
import { openLocalExecutor } from './local-executor.ts'
import { readReferences, withReferences } from './references.ts'

export interface RunEvalOptions extends EvalSetting {
  readonly plan: EvalPlan
  readonly folder: string
  /** False: what the folder holds is put aside. */
  readonly resume: boolean
  /** Only this part of the jobs. */
  readonly shard?: Shard | undefined
  /** Sequences at the same time, memory permitting. With 1 the same run gives the same records in the same order, times apart. */
  readonly parallel: (task: string) => number
  /** A configuration of which so many jobs failed is left. Default 10. */
  readonly maxFailures?: number | undefined
  /** Carries jobs out in place of this process, all configurations at the same time; of the model the vocabulary is enough. */
  readonly executor?: EvalExecutor | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EvalProgress) => void) | undefined
  /** What a person should know, e.g. that memory is short, or that a job failed. */
  readonly onNote?: ((text: string) => void) | undefined
}

const optionFields = {
  ...{ plan: true, folder: true, resume: true, shard: true, parallel: true, maxFailures: true, executor: true },
  ...{ model: true, identity: true, grader: true, policyFiles: true, versions: true },
  ...{ signal: true, onProgress: true, onNote: true },
} as const

export interface EvalProgress {
  /** Jobs that are recorded, those of earlier runs included. */
  readonly done: number
  /** Replays of traces that are not sampled yet are counted as if all of them could be replayed. */
  readonly total: number
  /** Tokens generated in this run. */
  readonly tokens: number
  /** Task and policy under way. */
  readonly label: string
}

export interface EvalRun {
  /** The folder's, after this run's was added to it. */
  readonly plan: EvalPlan
  /** Jobs of the plan (or the shard) that this run is about, as far as they can be carried out. */
  readonly total: number
  readonly done: number
  readonly recordedNow: number
  /** Of those recorded now: prompts that do not fit. */
  readonly refusedNow: number
  /** Jobs of this run that failed: they have no record, and the same run tries them again. */
  readonly failedNow: number
  /** Jobs that were left out because too many of their configuration had failed. */
  readonly skippedNow: number
  readonly interrupted: boolean
}

/**
 * @throws InputError `eval_locked`, `plan_differs`, `invalid_records`; what is wrong with a configuration, before any of them
 *   runs; EngineError if the engine fails. What was recorded stays in every case.
 */
export async function runEval(options: RunEvalOptions): Promise<EvalRun> {
  checkFields(options, optionFields, 'the options of runEval')
  const { folder } = options
  return await withEvalFolder(folder, async (lock) => await new Run(options, lock).run())
}

class Run {
  readonly #options: RunEvalOptions
  readonly #lock: WriteLock
  readonly #folderPlan: EvalPlan
  readonly #groups: readonly PlannedGroup[]
  readonly #records: RecordFile<EvalRecord>
  readonly #failures: RunFailures
  /** Ends all configurations, by the caller's will or after a failure of one. */
  readonly #ending = new AbortController()
  readonly #signal: AbortSignal
  /** By task. */
  readonly #references = new Map<string, Promise<ReadonlyMap<string, ReplayReference>>>()
  readonly #counts: Record<keyof Omit<EvalRun, 'plan' | 'interrupted'>, number>
  #tokens = 0
  #label = ''

  constructor(options: RunEvalOptions, lock: WriteLock) {
    const { folder, plan, resume, shard, signal, onNote } = options
    this.#options = options
    this.#lock = lock
    if (!resume) putFolderAside(folder)
    this.#folderPlan = hasPlan(folder) ? extendPlan(readPlan(folder), plan, folder) : plan
    this.#records = RecordFile.open(recordsPath(folder), { ...evalRecords, lock })
    this.#failures = new RunFailures(evalFailuresPath(folder), { lock, versions: versionsOf(options), onNote })
    this.#signal = AbortSignal.any([this.#ending.signal, ...(signal ? [signal] : [])])
    this.#groups = plannedGroups(plan).map((group) => ({
      ...group,
      jobs: shard ? group.jobs.filter((job) => isInShard(job, shard)) : group.jobs,
    }))
    const jobs = this.#groups.flatMap((group) => group.jobs)
    const done = jobs.filter((job) => this.#isRecorded(job)).length
    this.#counts = { total: jobs.length, done, recordedNow: 0, refusedNow: 0, failedNow: 0, skippedNow: 0 }
  }

  async run(): Promise<EvalRun> {
    const { signal, folder, executor, plan } = this.#options
    // Of the whole run: a shard may have nothing but prompts that do not fit. A given executor checks each job by itself.
    if (!executor) for (const group of plannedGroups(plan)) await this.#check(group)
    writePlan(folder, this.#folderPlan, this.#lock)
    this.#progress()
    if (executor) await this.#runAll(executor)
    else for (const group of this.#groups) await this.#runGroup(group)
    const { done, total } = this.#counts
    return { plan: this.#folderPlan, ...this.#counts, interrupted: signal?.aborted === true && done < total }
  }

  /** Refuses a configuration under which nothing could run; what one prompt alone cannot do is no reason. */
  async #check({ configuration: { policy }, jobs }: PlannedGroup): Promise<void> {
    let first: Error | undefined
    for (const job of jobs) {
      if (this.#signal.aborted) return
      const plan = await planJob(job, this.#options)
      if (plan.kind === 'done') return
      first ??=
        plan.kind === 'failed' ? plan.error : new InputError('prompt_too_long', `Policy ${policy}: ${plan.reason}`)
    }
    if (first) throw first
  }

  /** All configurations at the same time; the replays of a task when its traces are there. */
  async #runAll(executor: EvalExecutor): Promise<void> {
    const traces = new Map<string, Promise<void>>()
    const run = async (group: PlannedGroup) => {
      const { task, configuration } = group
      if (configuration.kind === 'replay') await traces.get(task.name)
      const running = this.#runGroup(group, executor)
      if (areReferences(configuration)) traces.set(task.name, running)
      await running
    }
    const ended = this.#groups.map(async (group) => {
      await run(group).catch((error: unknown) => {
        this.#ending.abort()
        throw error
      })
    })
    const [failure] = (await Promise.allSettled(ended)).filter(({ status }) => status === 'rejected')
    if (failure?.status === 'rejected') throw failure.reason
  }

  /** What of a configuration is not recorded and can be carried out. */
  async #runGroup({ task, configuration, jobs }: PlannedGroup, given?: EvalExecutor): Promise<void> {
    if (this.#signal.aborted) return
    const { policy, kind } = configuration
    const name = this.#options.plan.tasks.length > 1 ? `${task.name} ${policy}` : policy
    const label = kind === 'replay' ? `${name} replay` : name
    this.#label = label
    const possible = withReferences(jobs, kind === 'replay' ? await this.#referencesOf(task) : new Map())
    this.#counts.total -= jobs.length - possible.length
    const missing = possible.filter((job) => !this.#isRecorded(job))
    const { failed, skipped } = await runJobs({
      ...{ jobs: missing, signal: this.#signal },
      executor: given ?? (() => this.#openLocal(missing, task.name, label)),
      maxFailures: this.#options.maxFailures ?? defaultMaxFailures,
      record: async (job, outcome) => this.#record(job, outcome),
      onToken: (count) => {
        this.#tokens += count
        this.#progress()
      },
    })
    this.#counts.failedNow += failed
    this.#counts.skippedNow += skipped
    if (skipped > 0) this.#options.onNote?.(`${label}: ${failed} jobs failed, so the other ${skipped} are left out`)
    this.#progress()
  }

  async #openLocal(jobs: readonly EvalJob[], task: string, label: string): Promise<EvalExecutor> {
    return await openLocalExecutor(jobs, this.#options, {
      sequences: this.#options.parallel(task),
      signal: this.#signal,
      onShortage: (possible, asked, cells) =>
        this.#options.onNote?.(`${label}: memory allows ${possible} sequences of ${cells} cells, not ${asked}`),
    })
  }

  /** Of traces that are all recorded. */
  async #referencesOf(task: PlannedTask): Promise<ReadonlyMap<string, ReplayReference>> {
    const read = () => readReferences(this.#options.folder, this.#folderPlan, task, this.#options)
    const reading = this.#references.get(task.name) ?? read()
    this.#references.set(task.name, reading)
    return await reading
  }

  async #record(job: EvalJob, outcome: JobOutcome<() => Promise<EvalRecord>>): Promise<void> {
    if (outcome.kind === 'failed') {
      this.#failures.add(jobKey(job, this.#options.identity), evalJobTitle(job), outcome.error)
      return
    }
    const record = outcome.kind === 'done' ? await outcome.result() : refusedRecord(job, outcome.reason, this.#options)
    if (!this.#records.add(record)) return
    this.#counts.done++
    this.#counts.recordedNow++
    if (record.refused !== null) this.#counts.refusedNow++
    this.#progress()
  }

  #isRecorded(job: Parameters<typeof jobKey>[0]): boolean {
    return this.#records.has(jobKey(job, this.#options.identity))
  }

  #progress(): void {
    const { done, total } = this.#counts
    this.#options.onProgress?.({ done, total, tokens: this.#tokens, label: this.#label })
  }
}
