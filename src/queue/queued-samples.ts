/** The samples of `dynts trace` in the queue. */
import type { KvType } from '../llama/index.ts'
import { traceJobTitle, type Sampled, type TraceJob } from '../traces/trace-job.ts'
import type { QueuedKind } from './queue-executor.ts'
import { commonFields, contentKey, sampledTrace, samplingOf, type QueuedModel } from './queued-job.ts'

export function queuedSamples(model: QueuedModel, kvType: KvType): QueuedKind<TraceJob, Sampled> {
  return {
    dataOf(job) {
      const { messages, sampling, seed, maxTokens } = job
      const plain = messages.map(({ role, content }) => ({ role, content }))
      return {
        ...commonFields(model, traceJobTitle(job)),
        type: 'trace',
        job: { messages: plain, sampling: samplingOf(sampling), seed, maxTokens, kvType },
      }
    },
    keyOf: (_job, data) => contentKey(data),
    resultOf(given) {
      const { data } = sampledTrace.safeParse(given)
      return data && { result: data, tokens: data.completion.length }
    },
  }
}
