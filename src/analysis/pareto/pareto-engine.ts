/** Generates answers from parts of a thinking with the model in this process, several at a time. */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import type { GenerateResult } from '../../engine/types.ts'
import { outcomeOf, type ExecuteOptions, type Executor, type JobOutcome } from '../../jobs/job.ts'
import type { KvType } from '../../llama/index.ts'
import { bytesPerCell } from '../../models/memory-plan.ts'
import type { TraceSampling } from '../../traces/trace-job.ts'
import { inputOf, type ParetoJob } from './pareto-job.ts'

export interface ParetoEngineOptions {
  /** Of the longest job. */
  readonly cells: number
  readonly sequences: number
  readonly kvType: KvType
  readonly sampling: TraceSampling
  /** The most tokens of the answer to a trace. */
  readonly mostTokens: (job: ParetoJob) => number
}

export class ParetoEngine implements Executor<ParetoJob, GenerateResult> {
  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  readonly parallel: number
  readonly #engine: Engine
  readonly #options: ParetoEngineOptions

  /** @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only` */
  static async open(model: Model, options: ParetoEngineOptions): Promise<ParetoEngine> {
    const { cells, sequences, kvType } = options
    const engine = await Engine.create(model, {
      cells,
      sequences,
      kvType,
      promptStateBytes: stateBytes(model, options),
    })
    return new ParetoEngine(engine, options)
  }

  private constructor(engine: Engine, options: ParetoEngineOptions) {
    this.parallel = engine.sequences + 1
    this.#engine = engine
    this.#options = options
  }

  async execute(job: ParetoJob, { signal, onToken }: ExecuteOptions): Promise<JobOutcome<GenerateResult> | undefined> {
    const { sampling, mostTokens } = this.#options
    return await outcomeOf(signal, async () => {
      const request = { ...inputOf(job), policy: 'full', sampling, seed: job.seed, maxTokens: mostTokens(job) }
      const generation = this.#engine.generate(request, { signal })
      for await (const event of generation) if (event.type === 'token' && event.token !== null) onToken?.(1)
      const result = await generation.result
      return result.finishReason === 'cancelled' ? undefined : result
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
