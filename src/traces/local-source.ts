/**
 * Samples from the model in this process, several at a time under the full cache.
 */
import { Engine, type EngineOptions } from '../engine/engine.ts'
import type { Model } from '../engine/model.ts'
import type { Sampled, TraceJob, TraceSource } from './trace-source.ts'

export class LocalSource implements TraceSource {
  readonly name = 'local'
  readonly #engine: Engine

  /**
   * @param options.cells for the longest sample
   * @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only`
   */
  static async create(
    model: Model,
    options: Required<Pick<EngineOptions, 'cells' | 'sequences' | 'kvType'>>,
  ): Promise<LocalSource> {
    return new LocalSource(await Engine.create(model, options))
  }

  private constructor(engine: Engine) {
    this.#engine = engine
  }

  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  get parallel(): number {
    return this.#engine.sequences + 1
  }

  async sample(
    { messages, sampling, seed, maxTokens }: Pick<TraceJob, 'messages' | 'sampling' | 'seed' | 'maxTokens'>,
    { signal, onToken }: { signal: AbortSignal; onToken?: (tokens: number) => void },
  ): Promise<Sampled> {
    signal.throwIfAborted()
    const generation = this.#engine.generate(
      { prompt: { messages }, policy: 'full', sampling, seed, maxTokens },
      { signal },
    )
    for await (const event of generation) if (event.type === 'token' && event.token !== null) onToken?.(1)
    const { tokens, usage, finishReason } = await generation.result
    if (finishReason === 'cancelled') throw new DOMException('sampling was stopped', 'AbortError')
    return { completion: tokens.slice(usage.promptTokens), stopped: finishReason === 'stop' }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}
