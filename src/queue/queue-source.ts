/**
 * Samples for `dynts trace` from workers that have the same model. Knows nothing of what becomes of them.
 */
import { createHash } from 'node:crypto'
import { EngineError } from '../errors.ts'
import type { KvType } from '../llama/index.ts'
import type { Sampled, TraceJob, TraceSource } from '../traces/trace-source.ts'
import type { JobQueue } from './job-queue.ts'
import { commonFields, sampledTrace, type QueuedModel } from './queued-job.ts'

export class QueueSource implements TraceSource {
  /** Workers have the very model whose vocabulary is used here. */
  readonly name = 'local'
  /** The queue takes all. */
  readonly parallel = Infinity
  readonly #queue: JobQueue
  readonly #model: QueuedModel
  readonly #kvType: KvType
  #underWay = 0
  #onSettled: (() => void)[] = []

  constructor(queue: JobQueue, model: QueuedModel, kvType: KvType) {
    this.#queue = queue
    this.#model = model
    this.#kvType = kvType
  }

  /** A failure comes when all other samples are there: one bad question should not cost the others. */
  async sample(
    job: TraceJob,
    { signal, onToken }: { readonly signal: AbortSignal; readonly onToken?: (tokens: number) => void },
  ): Promise<Sampled> {
    this.#underWay++
    const data = this.#dataOf(job)
    const outcome = await this.#queue.carryOut(keyOf(data), data, signal)
    this.#underWay--
    if (this.#underWay === 0) for (const settled of this.#onSettled.splice(0)) settled()
    if (outcome === 'stopped') throw new DOMException('sampling was stopped', 'AbortError')
    if (outcome === 'failed') {
      if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onSettled.push(resolve))
      throw new EngineError('jobs_failed', `${this.#queue.failed} samples failed at the workers, see above.`)
    }
    const { data: sampled } = sampledTrace.safeParse(outcome.value)
    if (sampled) {
      onToken?.(sampled.completion.length)
      return sampled
    }
    this.recorded(job)
    throw new EngineError('wrong_result', `A worker’s result for ${job.id} is no sample: is its dynts another?`)
  }

  recorded(job: TraceJob): void {
    this.#queue.recorded(keyOf(this.#dataOf(job)))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #dataOf({ id, messages, sampling, seed, maxTokens }: TraceJob) {
    const plain = messages.map(({ role, content }) => ({ role, content }))
    const { temperature, topP, topK, minP } = sampling
    return {
      ...commonFields(this.#model, `sample ${id}`),
      type: 'trace' as const,
      job: { messages: plain, sampling: { temperature, topP, topK, minP }, seed, maxTokens, kvType: this.#kvType },
    }
  }
}

/** All that the result depends on; the title tells samples apart that happen to be equal. */
function keyOf({
  title,
  identity,
  job,
}: {
  readonly title: string
  readonly identity: unknown
  readonly job: unknown
}) {
  return createHash('sha256')
    .update(JSON.stringify([title, identity, job]))
    .digest('hex')
    .slice(0, 32)
}
