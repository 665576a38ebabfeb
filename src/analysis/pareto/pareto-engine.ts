/** Generates answers from parts of a thinking with the model in this process, several at a time. */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import { outcomeOf, type ExecuteOptions, type Executor, type JobOutcome } from '../../jobs/job.ts'
import type { KvType } from '../../llama/index.ts'
import { bytesPerCell } from '../../models/memory-plan.ts'
import type { Answered, AnswerJob } from './answer-job.ts'

export interface ParetoEngineOptions {
  /** Of the longest job. */
  readonly cells: number
  readonly sequences: number
  readonly kvType: KvType
}

export class ParetoEngine implements Executor<AnswerJob, Answered> {
  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  readonly parallel: number
  readonly #engine: Engine
  readonly #release: string

  /** @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only` */
  static async open(model: Model, options: ParetoEngineOptions): Promise<ParetoEngine> {
    const { cells, sequences, kvType } = options
    const engine = await Engine.create(model, {
      cells,
      sequences,
      kvType,
      promptStateBytes: stateBytes(model, options),
    })
    return new ParetoEngine(engine, model.release)
  }

  private constructor(engine: Engine, release: string) {
    this.parallel = engine.sequences + 1
    this.#engine = engine
    this.#release = release
  }

  async execute(
    { tokens, promptEviction, sampling, seed, maxTokens }: AnswerJob,
    { signal, onToken }: ExecuteOptions,
  ): Promise<JobOutcome<Answered> | undefined> {
    return await outcomeOf(signal, async () => {
      const request = { prompt: { tokens }, promptEviction, policy: 'full', sampling, seed, maxTokens }
      const generation = this.#engine.generate(request, { signal })
      for await (const event of generation) if (event.type === 'token' && event.token !== null) onToken?.(1)
      const { text, answer, finishReason, usage } = await generation.result
      if (finishReason === 'cancelled') return undefined
      const truncated = finishReason === 'length'
      return { text, answer, truncated, answerTokens: usage.answerTokens, release: this.#release }
    })
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

const usualStateBytes = 128 * 2 ** 20
const mostStateBytes = 4 * 2 ** 30

/** So much that the longest thinking, which most jobs of its trace begin with, is read once. */
function stateBytes(model: Model, { cells, kvType }: ParetoEngineOptions): number {
  return Math.min(mostStateBytes, Math.max(usualStateBytes, Math.ceil(1.1 * cells * bytesPerCell(model.info, kvType))))
}
