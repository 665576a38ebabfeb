/**
 * The run loop of evaluation and traces: hands jobs to an executor, several at a time, and has each outcome recorded in the
 * order in which jobs end. A job that fails does not end the run; too many do.
 */
import { setMaxListeners } from 'node:events'
import type { Executor, JobOutcome } from './job.ts'

/** So many jobs of a run that fail are no accident. */
export const defaultMaxFailures = 10

export interface RunJobsOptions<J, T> {
  /** In the order in which they are begun. */
  readonly jobs: readonly J[]
  /** A function opens one for these jobs, which is closed at their end, however that comes about. */
  readonly executor: Executor<J, T> | (() => Promise<Executor<J, T>>)
  /** Ends what is under way; it has no outcome then. */
  readonly signal: AbortSignal
  /** After so many failed jobs the others are left out. */
  readonly maxFailures: number
  /** Called for one outcome at a time. What it throws ends the run. */
  readonly record: (job: J, outcome: JobOutcome<T>) => void | Promise<void>
  readonly onToken?: ((tokens: number) => void) | undefined
}

export interface JobsRun {
  readonly failed: number
  /** Left out, because too many others had failed. */
  readonly skipped: number
}

/** @throws what the executor or `record` throws; what is under way is ended then */
export async function runJobs<J, T>(options: RunJobsOptions<J, T>): Promise<JobsRun> {
  if (typeof options.executor !== 'function') return await runJobsOn(options.executor, options)
  const opened = await options.executor()
  try {
    return await runJobsOn(opened, options)
  } finally {
    await opened.close()
  }
}

async function runJobsOn<J, T>(executor: Executor<J, T>, options: RunJobsOptions<J, T>): Promise<JobsRun> {
  const { jobs, maxFailures, record, onToken } = options
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  // Every job under way listens.
  setMaxListeners(0, signal)
  const waiting = new Set(jobs)
  const errors: unknown[] = []
  let failed = 0
  // One after another, however long each takes: else two equal runs may differ.
  let recording = Promise.resolve()

  const fail = (error: unknown) => {
    errors.push(error)
    ending.abort()
  }
  const settle = async (job: J, outcome: JobOutcome<T>) => {
    await record(job, outcome)
    waiting.delete(job)
    executor.settled?.(job)
  }
  const toBegin = jobs.values()
  const work = async () => {
    for (const job of toBegin) {
      if (signal.aborted) return
      const outcome = await executor.execute(job, { signal, onToken })
      // What fails when the limit is reached may fail because it is being ended.
      if (!outcome || (outcome.kind === 'failed' && failed === maxFailures)) continue
      if (outcome.kind === 'failed' && ++failed === maxFailures) ending.abort()
      recording = recording.then(async () => await settle(job, outcome)).catch(fail)
      // What is recorded may end the run, so nothing is begun before that.
      await recording
    }
  }
  const begin = async () => {
    try {
      await work()
    } catch (error) {
      // What the end itself brings about is no failure.
      if (!signal.aborted) fail(error)
    }
  }
  const workers = Math.min(executor.parallel, jobs.length)
  await Promise.all(Array.from({ length: workers }, begin))
  await recording
  if (errors.length > 0) throw errors[0]
  const skipped = failed === maxFailures ? waiting.size : 0
  if (skipped > 0) for (const job of waiting) executor.settled?.(job)
  return { failed, skipped }
}
