/**
 * The queue as a run sees it that wants jobs carried out: adds them, waits for results, tells of failures and of workers. A
 * run that is killed and started again finds its jobs and their results under the same ids.
 */
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineError } from '../errors.ts'
import { FailureNotes } from '../jobs/failure-notes.ts'
import type { JobOutcome } from '../jobs/job.ts'
import { answers, describeQueue, openQueue, connectionFailure, release, type JobsQueue } from './connection.ts'
import type { QueuedJob } from './queued-job.ts'
import { newRunId, readRunId } from './run-id.ts'

export interface JobQueueOptions {
  readonly address: string
  /** Where the run's id is kept, beside the output. */
  readonly runFile: string
  /** False: what an earlier run left in the queue is removed. */
  readonly resume: boolean
  /** What a person should know: jobs that failed and are tried again, and a server that does not answer. */
  readonly onNote: (text: string) => void
  readonly onState?: ((state: QueueState) => void) | undefined
}

export interface QueueState {
  /** That are connected to the server, whatever they work on. */
  readonly workers: number
  /** Jobs under way, of all runs on the server. */
  readonly active: number
}

interface Waiting {
  readonly data: QueuedJob
  /** Undefined: nobody waits for it any more. */
  readonly settle: (outcome: JobOutcome<unknown> | undefined) => void
}

const lookEveryMs = 250
const stateEveryMs = 2000
/** A server that was started anew has forgotten its jobs. */
const missingEveryMs = 10_000
const troubleEveryMs = 10_000
const chunk = 200
const attempts = 3
const backoff = { type: 'exponential', delay: 1000 }
/** What no run comes back for. */
const forgottenAfter = { age: 14 * 24 * 3600 }
/** Somebody else may take a job between the loss of its lock and its removal. */
const takings = 5

export class JobQueue {
  readonly #options: JobQueueOptions
  readonly #queue: JobsQueue
  readonly #waiting = new Map<string, Waiting>()
  readonly #closing = new AbortController()
  readonly #notes: FailureNotes
  readonly #told = new Set<string>()
  #run = ''
  #toAdd: string[] = []
  #toRemove: string[] = []
  #loop: Promise<void> | undefined
  readonly #saidAt = { state: -Infinity, missing: performance.now(), trouble: -Infinity }

  /** @throws InputError `invalid_queue`, `queue_unreachable`, `queue_not_installed` */
  static async open(options: JobQueueOptions): Promise<JobQueue> {
    return new JobQueue(options, await openQueue(options.address))
  }

  private constructor(options: JobQueueOptions, queue: JobsQueue) {
    this.#options = options
    this.#queue = queue
    this.#notes = new FailureNotes(options.onNote)
    queue.removeAllListeners('error').on('error', (error) => this.#trouble(error))
  }

  /**
   * Has a job carried out; one that is in the queue already is not added again. The caller says `settled` when the result is
   * safe: until then it stays in the queue.
   * @param key what it is, the same in every run of the same output: hexadecimal digits
   * @returns undefined if `signal` or `close` ended it; `failed` if it failed for good, wherever it was tried
   */
  async execute(key: string, data: QueuedJob, signal: AbortSignal): Promise<JobOutcome<unknown> | undefined> {
    if (signal.aborted || this.#closing.signal.aborted) return undefined
    this.#loop ??= this.#work()
    return await new Promise((resolve) => {
      const settle = (outcome: JobOutcome<unknown> | undefined) => {
        this.#waiting.delete(key)
        signal.removeEventListener('abort', onAbort)
        resolve(outcome)
      }
      const onAbort = () => settle(undefined)
      // Every job under way listens, and none for longer.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.set(key, { data, settle })
      this.#toAdd.push(key)
    })
  }

  /** The result of a job is safe, or no longer wanted: the queue may forget it. */
  settled(key: string): void {
    this.#toRemove.push(key)
  }

  /**
   * Ends the connection; jobs stay in the queue.
   * @param finished the run is complete: whatever is left of it in the queue is removed
   */
  async close(finished: boolean): Promise<void> {
    this.#closing.abort()
    for (const { settle } of [...this.#waiting.values()]) settle(undefined)
    this.#queue.removeAllListeners('error').on('error', () => undefined)
    try {
      // A server that is gone keeps what it has; the next run takes it up.
      if (!(await answers(this.#queue))) return
      await this.#loop
      await this.#remove()
      const run = this.#run || (readRunId(this.#options.runFile) ?? '')
      if (finished && run !== '') await this.#forget(run, everyState)
    } catch {
      // It went away only now.
    } finally {
      await release(this.#queue)
    }
  }

  async #work(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        if (this.#run === '') await this.#begin()
        await this.#look()
      } catch (error) {
        this.#trouble(error)
      }
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async #begin(): Promise<void> {
    const { runFile, resume } = this.#options
    const before = readRunId(runFile)
    // What failed is tried again; what nobody has begun is added again, as this run describes it.
    if (before !== undefined) await this.#forget(before, resume ? notDone : everyState)
    this.#run = before !== undefined && resume ? before : newRunId(runFile)
  }

  async #look(): Promise<void> {
    await this.#remove()
    await this.#add()
    for (const id of await this.#ours(['completed'])) {
      const waiting = this.#waiting.get(this.#keyOf(id))
      const job = waiting && (await this.#queue.getJob(id))
      if (job) waiting.settle({ kind: 'done', result: job.returnvalue })
      if (this.#closing.signal.aborted) return
    }
    for (const id of await this.#ours(['failed'])) {
      const waiting = this.#waiting.get(this.#keyOf(id))
      const job = waiting && (await this.#queue.getJob(id))
      if (job) waiting.settle({ kind: 'failed', error: new EngineError('job_failed', job.failedReason) })
    }
    for (const id of await this.#ours(['delayed'])) {
      const waiting = this.#waiting.get(this.#keyOf(id))
      const job = await this.#queue.getJob(id)
      if (!job?.failedReason || !waiting || this.#told.has(`${id} ${job.attemptsMade}`)) continue
      this.#told.add(`${id} ${job.attemptsMade}`)
      this.#notes.tell(waiting.data.title, `${job.failedReason} (attempt ${job.attemptsMade} of ${attempts})`)
    }
    if (this.#isTime('missing', missingEveryMs)) await this.#addMissing()
    if (this.#isTime('state', stateEveryMs)) await this.#tellState()
  }

  async #add(): Promise<void> {
    while (this.#toAdd.length > 0) {
      const keys = this.#toAdd.slice(0, chunk)
      const jobs = keys.flatMap((key) => {
        const data = this.#waiting.get(key)?.data
        const opts = {
          ...{ jobId: this.#idOf(key), attempts, backoff },
          ...{ removeOnComplete: forgottenAfter, removeOnFail: forgottenAfter },
        }
        return data ? [{ name: data.type, data, opts }] : []
      })
      await this.#queue.addBulk(jobs)
      this.#toAdd = this.#toAdd.slice(keys.length)
      if (this.#closing.signal.aborted) return
    }
  }

  /** Adding what is there changes nothing, so that what was finished in between does no harm. */
  async #addMissing(): Promise<void> {
    const there = new Set(await this.#ours(everyState))
    const missing = [...this.#waiting.keys()].filter((key) => !there.has(this.#idOf(key)))
    this.#toAdd = [...new Set([...this.#toAdd, ...missing])]
  }

  async #remove(): Promise<void> {
    while (this.#toRemove.length > 0) {
      const keys = this.#toRemove.slice(0, chunk)
      await Promise.all(keys.map((key) => this.#queue.remove(this.#idOf(key))))
      this.#toRemove = this.#toRemove.slice(keys.length)
    }
  }

  async #forget(run: string, states: readonly State[]): Promise<void> {
    const ids = await this.#idsOf(run, states)
    while (ids.length > 0) await Promise.all(ids.splice(0, chunk).map((id) => this.#take(id)))
  }

  /** Removes a job even from the worker that holds it: without its lock that worker gives it up. */
  async #take(id: string): Promise<void> {
    for (let round = 0; round < takings; round++) {
      if ((await this.#queue.remove(id)) > 0) return
      const client = await this.#queue.client
      await client.del(`${this.#queue.toKey(id)}:lock`)
    }
  }

  async #ours(states: readonly State[]): Promise<string[]> {
    return await this.#idsOf(this.#run, states)
  }

  async #idsOf(run: string, states: readonly State[]): Promise<string[]> {
    const ids = await this.#queue.getRanges([...states], 0, -1)
    return ids.filter((id) => id.startsWith(run))
  }

  #idOf(key: string): string {
    return `${this.#run}-${key}`
  }

  #keyOf(id: string): string {
    return id.slice(this.#run.length + 1)
  }

  async #tellState(): Promise<void> {
    if (!this.#options.onState) return
    const [workers, { active = 0 }] = await Promise.all([
      this.#queue.getWorkersCount(),
      this.#queue.getJobCounts('active'),
    ])
    this.#options.onState({ workers, active })
  }

  #trouble(error: unknown): void {
    if (this.#closing.signal.aborted || !this.#isTime('trouble', troubleEveryMs)) return
    this.#options.onNote(`${describeQueue(this.#options.address)}: ${connectionFailure(error)}; trying again`)
  }

  #isTime(what: 'state' | 'missing' | 'trouble', everyMs: number): boolean {
    const now = performance.now()
    if (now - this.#saidAt[what] < everyMs) return false
    this.#saidAt[what] = now
    return true
  }
}

type State = 'completed' | 'failed' | 'delayed' | 'wait' | 'active' | 'prioritized' | 'paused'
const notDone: readonly State[] = ['failed', 'delayed', 'wait', 'prioritized', 'paused']
const everyState: readonly State[] = [...notDone, 'active', 'completed']
