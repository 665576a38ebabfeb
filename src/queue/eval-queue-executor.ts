/**
 * Has the jobs of an evaluation carried out by workers.
 */
import { EngineError } from '../errors.ts'
import { jobKey, evalJobTitle, type EvalJob } from '../evaluation/run/eval-job.ts'
import type { EvalExecutor } from '../evaluation/run/eval-engine.ts'
import { evalRecord, recordKey, type EvalRecord } from '../evaluation/run/eval-record.ts'
import type { ExecuteOptions, JobOutcome } from '../jobs/job.ts'
import type { JobQueue } from './job-queue.ts'
import { commonFields, type QueuedJob, type QueuedModel } from './queued-job.ts'

export class EvalQueueExecutor implements EvalExecutor {
  /** The queue takes all. */
  readonly parallel = Infinity
  readonly #queue: JobQueue
  readonly #model: QueuedModel

  constructor(queue: JobQueue, model: QueuedModel) {
    this.#queue = queue
    this.#model = model
  }

  async execute(
    job: EvalJob,
    { signal, onToken }: ExecuteOptions,
  ): Promise<JobOutcome<() => Promise<EvalRecord>> | undefined> {
    const key = this.#keyOf(job)
    const outcome = await this.#queue.execute(key, queued(job, this.#model), signal)
    if (outcome?.kind !== 'done') return outcome
    const { data } = evalRecord.safeParse(outcome.result)
    // As the worker wrote it, its fields in their order: the line is that of a run without a queue.
    const record = outcome.result as EvalRecord
    if (!data || recordKey(data) !== key) {
      const reason = 'what a worker gave is not the job’s record: is its dynts another?'
      return { kind: 'failed', error: new EngineError('wrong_result', reason) }
    }
    onToken?.(record.generatedTokens)
    return { kind: 'done', result: () => Promise.resolve(record) }
  }

  settled(job: EvalJob): void {
    this.#queue.settled(this.#keyOf(job))
  }

  /** The queue is its owner's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #keyOf(job: EvalJob): string {
    return jobKey(job, this.#model.identity)
  }
}

/** Of the job only what is its own, whatever else the object holds. */
function queued(job: EvalJob, model: QueuedModel): QueuedJob {
  return { ...commonFields(model, evalJobTitle(job)), type: 'eval', job: plain(job) }
}

function plain(job: EvalJob) {
  const { task, item, prompt, expected, grading, sample, policy, policyOptions, protect, settings, seed } = job
  const fields = { task, item, prompt, expected, grading, sample, policy, policyOptions, protect, settings, seed }
  const own = { ...fields, policyHash: null }
  if (job.kind === 'sample') return { ...own, kind: job.kind }
  const { key, promptTokens, tokens, answerFrom, fact } = job.reference
  const given = promptTokens && { promptTokens: [...promptTokens] }
  return {
    ...own,
    kind: job.kind,
    reference: { key, ...given, tokens: [...tokens], answerFrom, ...(fact && { fact }) },
  }
}
