/**
 * Carries out a plan in a folder: one configuration after another, many sequences at a time, each record kept as soon as it is
 * there. What was recorded before is not done again. Knows nothing of command lines or of how progress is shown.
 */
import { setMaxListeners } from 'node:events'
import { InputError } from '../../errors.ts'
import { RecordFile } from '../../records/record-file.ts'
import { EvalEngine, keyOfJob, planJob, refusedRecord, type Carried, type EvalSetting } from './eval-engine.ts'
import { hasPlan, putFolderAside, readPlan, recordsPath, withEvalFolder, writePlan } from './eval-folder.ts'
import { isInShard, type EvalJob, type ReplayReference, type Shard } from './eval-job.ts'
import { extendPlan, plannedGroups, type EvalPlan, type PlannedGroup } from './eval-plan.ts'
import { evalRecord, recordKey, type EvalRecord } from './eval-record.ts'
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
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: EvalProgress) => void) | undefined
  /** What a person should know, e.g. that memory is short. */
  readonly onNote?: ((text: string) => void) | undefined
}

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
  readonly interrupted: boolean
}

/**
 * @throws InputError `eval_locked`, `plan_differs`, `invalid_records`; what is wrong with a configuration, before any of them
 *   runs; EngineError if the engine fails. What was recorded stays in every case.
 */
export async function runEval(options: RunEvalOptions): Promise<EvalRun> {
  const { folder } = options
  return await withEvalFolder(folder, async () => await new Run(options).run())
}

class Run {
  readonly #options: RunEvalOptions
  readonly #folderPlan: EvalPlan
  readonly #groups: readonly PlannedGroup[]
  readonly #records: RecordFile<EvalRecord>
  /** Ends what is under way, by the caller's will or after a failure. */
  readonly #stop = new AbortController()
  #total: number
  #done: number
  #tokens = 0
  #recordedNow = 0
  #refusedNow = 0
  #label = ''

  constructor(options: RunEvalOptions) {
    const { folder, plan, resume, shard } = options
    this.#options = options
    if (!resume) putFolderAside(folder)
    this.#folderPlan = hasPlan(folder) ? extendPlan(readPlan(folder), plan, folder) : plan
    this.#records = RecordFile.open(recordsPath(folder), { schema: evalRecord, keyOf: recordKey })
    this.#groups = plannedGroups(plan).map((group) => ({
      ...group,
      jobs: shard ? group.jobs.filter((job) => isInShard(job, shard)) : group.jobs,
    }))
    const jobs = this.#groups.flatMap((group) => group.jobs)
    this.#total = jobs.length
    this.#done = jobs.filter((job) => this.#records.has(keyOfJob(job, options))).length
    // Every job under way listens.
    setMaxListeners(0, this.#stop.signal)
  }

  async run(): Promise<EvalRun> {
    const { signal, folder } = this.#options
    const onAbort = () => this.#stop.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      for (const group of this.#groups) await this.#check(group)
      writePlan(folder, this.#folderPlan)
      this.#progress()
      await this.#runAll()
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    return {
      plan: this.#folderPlan,
      total: this.#total,
      done: this.#done,
      recordedNow: this.#recordedNow,
      refusedNow: this.#refusedNow,
      interrupted: signal?.aborted === true && this.#done < this.#total,
    }
  }

  /** Refuses a configuration under which nothing could run; a single prompt that is too long is no reason. */
  async #check({ configuration: { policy }, jobs }: PlannedGroup): Promise<void> {
    let refused: string | undefined
    for (const job of jobs) {
      if (this.#stop.signal.aborted) return
      const plan = await planJob(job, this.#options)
      if ('refused' in plan) {
        refused ??= plan.refused
        continue
      }
      if (plan.attention && job.settings.kvType === 'q8_0') {
        throw new InputError(
          'invalid_option',
          `policy ${policy} reads attention weights, which a q8_0 cache does not allow: use --kv-type f16`,
        )
      }
      return
    }
    if (refused !== undefined) throw new InputError('prompt_too_long', `Policy ${policy}: ${refused}`)
  }

  async #runAll(): Promise<void> {
    let references: { readonly task: string; readonly found: ReadonlyMap<string, ReplayReference> } | undefined
    for (const group of this.#groups) {
      const { task, configuration, jobs } = group
      if (this.#stop.signal.aborted) return
      const label = this.#options.plan.tasks.length > 1 ? `${task.name} ${configuration.policy}` : configuration.policy
      this.#label = configuration.kind === 'replay' ? `${label} replay` : label
      const isReplay = configuration.kind === 'replay'
      if (isReplay && references?.task !== task.name) {
        const found = await readReferences(this.#options.folder, this.#folderPlan, task, this.#options)
        references = { task: task.name, found }
      }
      const possible = withReferences(jobs, references?.found ?? new Map<string, ReplayReference>())
      this.#total -= jobs.length - possible.length
      const missing = possible.filter((job) => !this.#records.has(keyOfJob(job, this.#options)))
      await this.#runGroup(missing)
      this.#progress()
    }
  }

  async #runGroup(jobs: readonly EvalJob[]): Promise<void> {
    const runnable: EvalJob[] = []
    let cells = 1
    let attention = false
    for (const job of jobs) {
      if (this.#stop.signal.aborted) return
      const plan = await planJob(job, this.#options)
      if ('refused' in plan) {
        this.#add(refusedRecord(job, plan.refused, this.#options))
        this.#refusedNow++
        continue
      }
      cells = Math.max(cells, plan.cells)
      attention ||= plan.attention
      runnable.push(job)
    }
    const [first] = runnable
    if (!first) return
    const asked = Math.min(this.#options.parallel(first.task), runnable.length)
    const { kvType } = first.settings
    const engine = await EvalEngine.open(this.#options, { cells, attention }, { parallel: asked, kvType })
    if (engine.parallel < asked)
      this.#options.onNote?.(
        `${this.#label}: memory allows ${engine.parallel} sequences of ${cells} cells, not ${asked}`,
      )
    try {
      await this.#carryOut(engine, runnable)
    } finally {
      await engine.close()
    }
  }

  async #carryOut(engine: EvalEngine, jobs: readonly EvalJob[]): Promise<void> {
    const { signal } = this.#stop
    const waiting = [...jobs]
    const failures: unknown[] = []
    const fail = (error: unknown) => {
      // What the stop itself brings about is no failure.
      if (!signal.aborted) failures.push(error)
      this.#stop.abort()
    }
    // One after another, so that records are in the order in which generations ended, however long grading takes.
    let recorded = Promise.resolve()
    const record = async (carried: Carried) => {
      try {
        this.#add(await engine.recordOf(carried))
      } catch (error) {
        fail(error)
      }
    }
    const onToken = () => {
      this.#tokens++
      this.#progress()
    }
    const work = async () => {
      for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) {
        const carried = await engine.carryOut(job, { signal, onToken })
        if (carried) recorded = recorded.then(async () => await record(carried))
      }
    }
    // One more than fits waits in the engine, so that no place in its cache stays empty.
    await Promise.all(Array.from({ length: engine.parallel + 1 }, async () => await work().catch(fail)))
    await recorded
    if (failures.length > 0) throw failures[0]
  }

  #add(record: EvalRecord): void {
    if (!this.#records.add(record)) return
    this.#done++
    this.#recordedNow++
    this.#progress()
  }

  #progress(): void {
    this.#options.onProgress?.({ done: this.#done, total: this.#total, tokens: this.#tokens, label: this.#label })
  }
}
