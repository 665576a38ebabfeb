/**
 * Has jobs carried out by workers that have the same model.
 */
import { EngineError } from '../errors.ts'
import type { ExecuteOptions, Executor, JobOutcome } from '../jobs/job.ts'
import type { JobQueue } from './job-queue.ts'
import type { QueuedJob } from './queued-job.ts'

/** What the queue must know of one kind of job. */
export interface QueuedKind<J, T> {
  /** What a job is for a worker. */
  dataOf(job: J): QueuedJob
  /** The same for equal jobs, and for no others. */
  keyOf(job: J, data: QueuedJob): string
  /** What a worker gave for the job, with the number of its tokens; undefined: it is nothing of the kind. */
  resultOf(given: unknown, key: string): { readonly result: T; readonly tokens: number } | undefined
}

export class QueueExecutor<J, T> implements Executor<J, T> {
  /** The queue takes all. */
  readonly parallel = Infinity
  readonly #queue: JobQueue
  readonly #kind: QueuedKind<J, T>

  constructor(queue: JobQueue, kind: QueuedKind<J, T>) {
    this.#queue = queue
    this.#kind = kind
  }

  async execute(job: J, { signal, onToken }: ExecuteOptions): Promise<JobOutcome<T> | undefined> {
    const data = this.#kind.dataOf(job)
    const key = this.#kind.keyOf(job, data)
    const outcome = await this.#queue.execute(key, data, signal)
    if (outcome?.kind !== 'done') return outcome
    const given = this.#kind.resultOf(outcome.result, key)
    if (!given) {
      const reason = 'what a worker gave is not the job’s result: is its dynts another?'
      return { kind: 'failed', error: new EngineError('wrong_result', reason) }
    }
    onToken?.(given.tokens)
    return { kind: 'done', result: given.result }
  }

  settled(job: J): void {
    this.#queue.settled(this.#kind.keyOf(job, this.#kind.dataOf(job)))
  }

  /** The queue is its owner's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }
}
