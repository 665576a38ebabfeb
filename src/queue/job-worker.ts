/**
 * Takes jobs from the queue, has them carried out and hands back what they gave, until it is told to end. A job of a worker
 * that dies goes back into the queue when its lease runs out; a worker that fails, or that cannot have a job's model, ends,
 * so that it does not spoil one job after another.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job, Worker } from 'bullmq'
import { InputError } from '../errors.ts'
import {
  answers,
  describeQueue,
  fulfilledWithin,
  loadBullmq,
  openQueue,
  queueName,
  queueOptions,
  connectionFailure,
  release,
  type JobsQueue,
} from './connection.ts'
import { RefusedHere } from './queued-job.ts'

export interface JobWorkerOptions {
  readonly address: string
  /** Jobs at the same time. */
  readonly parallel: number
  /** Without a sign of life for so long, a worker's jobs go back. */
  readonly leaseMs: number
  /** Ends when nothing is waiting or under way any more. */
  readonly once: boolean
  /** Undefined: the signal ended it, because the worker ends or because the job is no longer its own. */
  readonly execute: (data: unknown, signal: AbortSignal) => Promise<unknown>
  readonly signal: AbortSignal
  /** The server answers. */
  readonly onOpen: () => void
  readonly onNote: (text: string) => void
  readonly onProgress?: ((served: Served) => void) | undefined
}

export interface Served {
  readonly done: number
  /** Attempts; a job may have several. */
  readonly failed: number
  readonly underWay: number
}

/** What a worker has done when it has ended. */
export interface ServedAtLast extends Omit<Served, 'underWay'> {
  /** False: the server was gone, and what was under way is for others only when the lease has run out. */
  readonly handedBack: boolean
}

/** A job during which so many workers died is no job to go on with. */
const mostDeaths = 10
const lookEveryMs = 250
const troubleEveryMs = 10_000
/** A server that is gone should not keep a worker from ending. */
const closeWithinMs = 5000
/** How BullMQ puts it that somebody else has, or nobody needs, a job that was carried out here. */
const isLoss = /^(could not renew lock|Missing (lock|key)|Lock mismatch) for job/
/** After a command that the connection has cost. */
const retryAfterMs = 1000

/**
 * @throws InputError `invalid_queue`, `queue_unreachable`, `queue_not_installed`, `model_differs`; EngineError; whatever else
 *   ended it
 */
export async function serveJobs(options: JobWorkerOptions): Promise<ServedAtLast> {
  const queue = await openQueue(options.address)
  options.onOpen()
  try {
    return await new JobWorker(options, queue).serve()
  } finally {
    await release(queue)
  }
}

class JobWorker {
  readonly #options: JobWorkerOptions
  readonly #queue: JobsQueue
  #worker: Worker | undefined
  #done = 0
  #failed = 0
  #underWay = 0
  #fatal: { readonly error: unknown } | undefined
  #saidAt = -Infinity

  constructor(options: JobWorkerOptions, queue: JobsQueue) {
    this.#options = options
    this.#queue = queue
    queue.removeAllListeners('error').on('error', (error) => this.#trouble(error))
  }

  async serve(): Promise<ServedAtLast> {
    const { address, parallel, leaseMs, once, signal } = this.#options
    const { Worker, UnrecoverableError, WaitingError } = await loadBullmq()
    const process = async (job: Job, token?: string, lost?: AbortSignal): Promise<unknown> => {
      const ended = lost ? AbortSignal.any([signal, lost]) : signal
      this.#count(1)
      try {
        const result = this.#isEnding ? undefined : await this.#options.execute(job.data, ended)
        if (result !== undefined) return result
      } catch (error) {
        if (!ended.aborted) {
          this.#failed++
          // What is wrong with a job itself is wrong everywhere.
          if (error instanceof InputError && !(error instanceof RefusedHere)) {
            throw new UnrecoverableError(error.message)
          }
          this.#fatal ??= { error }
          void this.#worker?.pause(true)
          throw error
        }
      } finally {
        this.#count(-1)
      }
      if (lost?.aborted !== true) await job.moveToWait(token)
      throw new WaitingError()
    }
    const worker = new Worker(queueName, process, {
      ...queueOptions(address, null),
      concurrency: parallel,
      lockDuration: leaseMs,
      stalledInterval: Math.ceil(leaseMs / 2),
      maxStalledCount: mostDeaths,
      runRetryDelay: retryAfterMs,
    })
    this.#worker = worker
    worker.on('error', (error) => this.#trouble(error))
    worker.on('completed', () => this.#done++)
    // Its result could not be handed back.
    worker.on('lockRenewalFailed', (ids) => ids.forEach((id) => worker.cancelJob(id)))
    while (!this.#isEnding && !(once && (await this.#isEmpty()))) {
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
    const handedBack = await this.#close(worker)
    if (this.#fatal && !signal.aborted) throw this.#fatal.error
    return { done: this.#done, failed: this.#failed, handedBack }
  }

  /** Waits for the jobs under way, and for the server only a while; false: it did not answer. */
  async #close(worker: Worker): Promise<boolean> {
    await worker.pause(true)
    while (this.#underWay > 0) await sleep(lookEveryMs)
    if ((await answers(this.#queue)) && (await fulfilledWithin(closeWithinMs, worker.close()))) return true
    // Else the end that is waited for already would be waited for again.
    worker.closing = undefined
    await fulfilledWithin(closeWithinMs, worker.close(true))
    await release(worker)
    return false
  }

  get #isEnding(): boolean {
    return this.#options.signal.aborted || this.#fatal !== undefined
  }

  async #isEmpty(): Promise<boolean> {
    try {
      const counts = await this.#queue.getJobCounts('wait', 'active', 'delayed', 'prioritized', 'paused')
      return Object.values(counts).every((count) => count === 0)
    } catch (error) {
      this.#trouble(error)
      return false
    }
  }

  #count(change: 1 | -1): void {
    this.#underWay += change
    this.#options.onProgress?.({ done: this.#done, failed: this.#failed, underWay: this.#underWay })
  }

  #trouble(error: unknown): void {
    const now = performance.now()
    if (now - this.#saidAt < troubleEveryMs) return
    this.#saidAt = now
    const reason = connectionFailure(error)
    const why = isLoss.test(reason) ? 'a job is no longer this worker’s: its lease ran out, or its run is over' : reason
    this.#options.onNote(`${describeQueue(this.#options.address)}: ${why}`)
  }
}
