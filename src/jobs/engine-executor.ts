/** Carries out jobs on an engine in this process, several at a time. */
import type { Engine } from '../engine/engine.ts'
import type { GenerateEvent, GenerateRequest, GenerateResult } from '../engine/types.ts'
import { outcomeOf, type ExecuteOptions, type Executor, type JobOutcome } from './job.ts'

/**
 * What an engine generates for a job.
 * @returns undefined if `signal` ended it
 */
export async function generated(
  engine: Engine,
  request: GenerateRequest,
  { signal, onToken }: ExecuteOptions,
  onEvent?: (event: GenerateEvent) => void,
): Promise<GenerateResult | undefined> {
  const generation = engine.generate(request, { signal })
  for await (const event of generation) {
    if (event.type === 'token' && event.token !== null) onToken?.(1)
    onEvent?.(event)
  }
  const result = await generation.result
  return result.finishReason === 'cancelled' ? undefined : result
}

/** For jobs whose result is a part of what is generated. */
export class EngineExecutor<J, T> implements Executor<J, T> {
  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  readonly parallel: number
  readonly #engine: Engine
  readonly #requestOf: (job: J) => GenerateRequest
  readonly #resultOf: (result: GenerateResult) => T

  /** @param engine closed with the executor */
  constructor(engine: Engine, requestOf: (job: J) => GenerateRequest, resultOf: (result: GenerateResult) => T) {
    this.parallel = engine.sequences + 1
    this.#engine = engine
    this.#requestOf = requestOf
    this.#resultOf = resultOf
  }

  async execute(job: J, options: ExecuteOptions): Promise<JobOutcome<T> | undefined> {
    return await outcomeOf(options.signal, async () => {
      const result = await generated(this.#engine, this.#requestOf(job), options)
      return result && this.#resultOf(result)
    })
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}
