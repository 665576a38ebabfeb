/** Samples from the model in this process, several at a time under the full cache. */
import { Engine, type EngineOptions } from '../engine/engine.ts'
import type { Model } from '../engine/model.ts'
import { EngineExecutor } from '../jobs/engine-executor.ts'
import type { Executor } from '../jobs/job.ts'
import type { Sampled, TraceJob } from './trace-job.ts'

/** What of a job the model is given. */
export type DrawnJob = Pick<TraceJob, 'messages' | 'sampling' | 'seed' | 'maxTokens'>

/**
 * @param options.cells for the longest sample
 * @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only`
 */
export async function openLocalTraces(
  model: Model,
  options: Required<Pick<EngineOptions, 'cells' | 'sequences' | 'kvType'>>,
): Promise<Executor<DrawnJob, Sampled>> {
  return new EngineExecutor(
    await Engine.create(model, options),
    ({ messages, sampling, seed, maxTokens }) => ({ prompt: { messages }, policy: 'full', sampling, seed, maxTokens }),
    ({ tokens, usage, finishReason }) => ({
      completion: tokens.slice(usage.promptTokens),
      stopped: finishReason === 'stop',
    }),
  )
}
