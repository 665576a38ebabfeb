/**
 * Samples from the model in this process, several at a time under the full cache.
 */
import { Engine, type EngineOptions } from '../engine/engine.ts'
import type { Model } from '../engine/model.ts'
import { outcomeOf, type ExecuteOptions, type JobOutcome } from '../jobs/job.ts'
import type { Sampled, TraceExecutor, TraceJob } from './trace-job.ts'

export class LocalTraceExecutor implements TraceExecutor {
  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  readonly parallel: number
  readonly #engine: Engine

  /**
   * @param options.cells for the longest sample
   * @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only`
   */
  static async open(
    model: Model,
    options: Required<Pick<EngineOptions, 'cells' | 'sequences' | 'kvType'>>,
  ): Promise<LocalTraceExecutor> {
    return new LocalTraceExecutor(await Engine.create(model, options))
  }

  private constructor(engine: Engine) {
    this.#engine = engine
    this.parallel = engine.sequences + 1
  }

  async execute(
    { messages, sampling, seed, maxTokens }: Pick<TraceJob, 'messages' | 'sampling' | 'seed' | 'maxTokens'>,
    { signal, onToken }: ExecuteOptions,
  ): Promise<JobOutcome<Sampled> | undefined> {
    return await outcomeOf(signal, async () => {
      const request = { prompt: { messages }, policy: 'full', sampling, seed, maxTokens }
      const generation = this.#engine.generate(request, { signal })
      for await (const event of generation) if (event.type === 'token' && event.token !== null) onToken?.(1)
      const { tokens, usage, finishReason } = await generation.result
      if (finishReason === 'cancelled') return undefined
      return { completion: tokens.slice(usage.promptTokens), stopped: finishReason === 'stop' }
    })
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}
