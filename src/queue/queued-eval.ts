/** The jobs of `dynts eval` in the queue. */
import { evalJobTitle, jobFieldsOf, jobKey, type EvalJob } from '../evaluation/run/eval-job.ts'
import { evalRecord, recordKey, type EvalRecord } from '../evaluation/run/eval-record.ts'
import { pick } from '../pick.ts'
import type { QueuedKind } from './queue-executor.ts'
import { commonFields, type QueuedModel } from './queued-job.ts'

export function queuedEval(model: QueuedModel): QueuedKind<EvalJob, () => Promise<EvalRecord>> {
  return {
    dataOf: (job) => ({ ...commonFields(model, evalJobTitle(job)), type: 'eval', job: plain(job) }),
    keyOf: (job) => jobKey(job, model.identity),
    resultOf(given, key) {
      const { data } = evalRecord.safeParse(given)
      if (!data || recordKey(data) !== key) return undefined
      // As the worker wrote it, its fields in their order: the line is that of a run without a queue.
      const record = given as EvalRecord
      return { result: () => Promise.resolve(record), tokens: record.generatedTokens }
    },
  }
}

const referenceNames = ['key', 'promptTokens', 'tokens', 'answerFrom', 'fact'] as const

/** Of the job only what is its own, whatever else the object holds. */
function plain(job: EvalJob) {
  const own = { ...jobFieldsOf(job), policyHash: null }
  if (job.kind === 'sample') return { ...own, kind: job.kind }
  return { ...own, kind: job.kind, reference: pick(job.reference, referenceNames) }
}
