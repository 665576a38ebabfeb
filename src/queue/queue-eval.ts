/**
 * Jobs of an evaluation, carried out by workers. Knows nothing of plans or folders.
 */
import { EngineError } from '../errors.ts'
import { jobKey, type EvalJob } from '../evaluation/run/eval-job.ts'
import { evalRecord, recordKey, type EvalRecord } from '../evaluation/run/eval-record.ts'
import type { Elsewhere } from '../evaluation/run/run-eval.ts'
import type { JobQueue } from './job-queue.ts'
import { commonFields, type QueuedJob, type QueuedModel } from './queued-job.ts'

export class QueueEval implements Elsewhere {
  readonly #queue: JobQueue
  readonly #model: QueuedModel

  constructor(queue: JobQueue, model: QueuedModel) {
    this.#queue = queue
    this.#model = model
  }

  /** @throws EngineError `wrong_result` if what comes back is not the job's record */
  async carryOut(job: EvalJob, { signal }: { readonly signal: AbortSignal }): Promise<EvalRecord | undefined> {
    const key = jobKey(job, this.#model.identity)
    const outcome = await this.#queue.carryOut(key, queued(job, this.#model), signal)
    if (outcome === 'failed' || outcome === 'stopped') return undefined
    const { success } = evalRecord.safeParse(outcome.value)
    // As the worker wrote it, its fields in their order: the line is that of a run without a queue.
    const record = outcome.value as EvalRecord
    if (success && recordKey(record) === key) return record
    this.#queue.recorded(key)
    throw new EngineError(
      'wrong_result',
      `A worker’s result for ${titleOf(job)} is not its record: is its dynts another?`,
    )
  }

  recorded(record: EvalRecord): void {
    this.#queue.recorded(recordKey(record))
  }
}

/** Of the job only what is its own, whatever else the object holds. */
function queued(job: EvalJob, model: QueuedModel): QueuedJob {
  return { ...commonFields(model, titleOf(job)), type: 'eval', job: plain(job) }
}

function plain(job: EvalJob) {
  const { task, item, prompt, expected, grading, sample, policy, policyOptions, settings, seed } = job
  const fields = { task, item, prompt, expected, grading, sample, policy, policyOptions, settings, seed }
  const own = { ...fields, policyHash: null }
  if (job.kind === 'sample') return { ...own, kind: job.kind }
  return { ...own, kind: job.kind, reference: { ...job.reference, tokens: [...job.reference.tokens] } }
}

function titleOf({ kind, task, item, sample, policy }: EvalJob): string {
  return `${task} ${item} sample ${sample} under ${policy}${kind === 'replay' ? ', replay,' : ''}`
}
