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
import { extendPlan, plannedGroups, type EvalPlan, type PlannedGroup, type PlannedTask } from './eval-plan.ts'
import { evalRecord, recordKey, type EvalRecord } from './eval-record.ts'
import { readReferences, withReferences } from './references.ts'

/** Carries jobs out somewhere else, e.g. on other machines: all of them at once, in any order. */
export interface Elsewhere {
  /** @returns undefined if it failed for good, which has been told, or `signal` ended the wait */
  carryOut(job: EvalJob, options: { readonly signal: AbortSignal }): Promise<EvalRecord | undefined>
  /** The record is in the folder. */
  recorded(record: EvalRecord): void
}

export interface RunEvalOptions extends EvalSetting {
  readonly plan: EvalPlan
  readonly folder: string
  /** False: what the folder holds is put aside. */
  readonly resume: boolean
  /** Only this part of the jobs. */
  readonly shard?: Shard | undefined
  /** Sequences at the same time, memory permitting. With 1 the same run gives the same records in the same order, times apart. */
  readonly parallel: (task: string) => number
  /** Jobs are not carried out here; of the model the vocabulary is enough. */
  readonly elsewhere?: Elsewhere | undefined
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
  readonly #failures: unknown[] = []
  /** By task. */
  readonly #references = new Map<string, Promise<ReadonlyMap<string, ReplayReference>>>()
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
    const { signal, folder, elsewhere } = this.#options
    const onAbort = () => this.#stop.abort()
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      // Of the whole run: a shard may have nothing but prompts that do not fit. Elsewhere each job is checked by itself.
      if (!elsewhere) for (const group of plannedGroups(this.#options.plan)) await this.#check(group)
      writePlan(folder, this.#folderPlan)
      this.#progress()
      if (elsewhere) await this.#runAllElsewhere(elsewhere)
      else for (const group of this.#groups) await this.#runGroup(group, (jobs) => this.#runHere(jobs))
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    if (this.#failures.length > 0) throw this.#failures[0]
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
      if (!('refused' in plan)) return
      refused ??= plan.refused
    }
    if (refused !== undefined) throw new InputError('prompt_too_long', `Policy ${policy}: ${refused}`)
  }

  /** All groups at the same time; the replays of a task when its traces are there. */
  async #runAllElsewhere(elsewhere: Elsewhere): Promise<void> {
    const traces = new Map<string, Promise<void>>()
    const run = (group: PlannedGroup) => this.#runGroup(group, (jobs) => this.#runElsewhere(jobs, elsewhere))
    await Promise.all(
      this.#groups.map(async (group) => {
        const { kind, policy } = group.configuration
        if (kind === 'replay') await traces.get(group.task.name)
        const running = run(group).catch((error: unknown) => this.#fail(error))
        if (kind === 'sample' && policy === 'full') traces.set(group.task.name, running)
        await running
      }),
    )
  }

  async #runElsewhere(jobs: readonly EvalJob[], elsewhere: Elsewhere): Promise<void> {
    const { signal } = this.#stop
    const work = async (job: EvalJob) => {
      const record = await elsewhere.carryOut(job, { signal })
      if (!record) return
      this.#tokens += record.generatedTokens
      if (record.refused !== null) this.#refusedNow++
      this.#add(record)
      elsewhere.recorded(record)
    }
    await Promise.all(jobs.map(async (job) => await work(job).catch((error: unknown) => this.#fail(error))))
  }

  /** What of a group is not recorded and can be carried out. */
  async #runGroup(
    { task, configuration, jobs }: PlannedGroup,
    run: (jobs: readonly EvalJob[]) => Promise<void>,
  ): Promise<void> {
    if (this.#stop.signal.aborted) return
    const label = this.#options.plan.tasks.length > 1 ? `${task.name} ${configuration.policy}` : configuration.policy
    const isReplay = configuration.kind === 'replay'
    this.#label = isReplay ? `${label} replay` : label
    const possible = withReferences(jobs, isReplay ? await this.#referencesOf(task) : new Map())
    this.#total -= jobs.length - possible.length
    await run(possible.filter((job) => !this.#records.has(keyOfJob(job, this.#options))))
    this.#progress()
  }

  /** Of traces that are all recorded. */
  async #referencesOf(task: PlannedTask): Promise<ReadonlyMap<string, ReplayReference>> {
    const known = this.#references.get(task.name)
    if (known) return await known
    const reading = readReferences(this.#options.folder, this.#folderPlan, task, this.#options)
    this.#references.set(task.name, reading)
    return await reading
  }

  async #runHere(jobs: readonly EvalJob[]): Promise<void> {
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
    // One after another, so that records are in the order in which generations ended, however long grading takes.
    let recorded = Promise.resolve()
    const record = async (carried: Carried) => {
      try {
        this.#add(await engine.recordOf(carried))
      } catch (error) {
        this.#fail(error)
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
    const fail = (error: unknown) => this.#fail(error)
    await Promise.all(Array.from({ length: engine.parallel + 1 }, async () => await work().catch(fail)))
    await recorded
  }

  /** What the stop itself brings about is no failure. */
  #fail(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#failures.push(error)
    this.#stop.abort()
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
