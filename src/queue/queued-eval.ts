/** The jobs of `dynts eval` in the queue. */
import { evalJobTitle, jobKey, type EvalJob } from '../evaluation/run/eval-job.ts'
import { evalRecord, recordKey, type EvalRecord } from '../evaluation/run/eval-record.ts'
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

/** Of the job only what is its own, whatever else the object holds. */
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
