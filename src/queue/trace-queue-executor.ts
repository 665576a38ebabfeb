/**
 * Has the samples of `dynts trace` drawn by workers that have the same model.
 */
import { EngineError } from '../errors.ts'
import type { ExecuteOptions, JobOutcome } from '../jobs/job.ts'
import type { KvType } from '../llama/index.ts'
import { traceJobTitle, type Sampled, type TraceExecutor, type TraceJob } from '../traces/trace-job.ts'
import type { JobQueue } from './job-queue.ts'
import { commonFields, contentKey, sampledTrace, type QueuedModel } from './queued-job.ts'

export class TraceQueueExecutor implements TraceExecutor {
  /** Workers have the very model whose vocabulary is used here. */
  readonly name = 'local'
  /** The queue takes all. */
  readonly parallel = Infinity
  readonly #queue: JobQueue
  readonly #model: QueuedModel
  readonly #kvType: KvType

  constructor(queue: JobQueue, model: QueuedModel, kvType: KvType) {
    this.#queue = queue
    this.#model = model
    this.#kvType = kvType
  }

  async execute(job: TraceJob, { signal, onToken }: ExecuteOptions): Promise<JobOutcome<Sampled> | undefined> {
    const data = this.#dataOf(job)
    const outcome = await this.#queue.execute(contentKey(data), data, signal)
    if (outcome?.kind !== 'done') return outcome
    const { data: sampled } = sampledTrace.safeParse(outcome.result)
    if (!sampled) {
      const reason = 'what a worker gave is no sample: is its dynts another?'
      return { kind: 'failed', error: new EngineError('wrong_result', reason) }
    }
    onToken?.(sampled.completion.length)
    return { kind: 'done', result: sampled }
  }

  settled(job: TraceJob): void {
    this.#queue.settled(contentKey(this.#dataOf(job)))
  }

  /** The queue is its owner's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #dataOf(job: TraceJob) {
    const { messages, sampling, seed, maxTokens } = job
    const plain = messages.map(({ role, content }) => ({ role, content }))
    const { temperature, topP, topK, minP } = sampling
    return {
      ...commonFields(this.#model, traceJobTitle(job)),
      type: 'trace' as const,
      job: { messages: plain, sampling: { temperature, topP, topK, minP }, seed, maxTokens, kvType: this.#kvType },
    }
  }
}
