/** Generates answers from parts of a thinking with the model in this process, several at a time. */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import { EngineExecutor } from '../../jobs/engine-executor.ts'
import type { Executor } from '../../jobs/job.ts'
import type { KvType } from '../../llama/index.ts'
import { bytesPerCell } from '../../models/memory-plan.ts'
import { pick } from '../../pick.ts'
import type { Answered, AnswerJob } from './answer-job.ts'

export interface LocalAnswersOptions {
  /** Of the longest job. */
  readonly cells: number
  readonly sequences: number
  readonly kvType: KvType
}

/** @throws EngineError `context_not_created` when memory does not suffice; InputError `vocabulary_only` */
export async function openLocalAnswers(
  model: Model,
  options: LocalAnswersOptions,
): Promise<Executor<AnswerJob, Answered>> {
  const engine = await Engine.create(model, { ...options, promptStateBytes: stateBytes(model, options) })
  return new EngineExecutor(
    engine,
    (job) => ({
      prompt: { tokens: job.tokens },
      policy: 'full',
      ...pick(job, ['promptEviction', 'sampling', 'seed', 'maxTokens']),
    }),
    ({ text, answer, finishReason, usage }) => ({
      ...{ text, answer, truncated: finishReason === 'length' },
      ...{ answerTokens: usage.answerTokens, release: model.release },
    }),
  )
}

const usualStateBytes = 128 * 2 ** 20
const mostStateBytes = 4 * 2 ** 30

/** So much that the longest thinking, which most jobs of its trace begin with, is read once. */
function stateBytes(model: Model, { cells, kvType }: LocalAnswersOptions): number {
  return Math.min(mostStateBytes, Math.max(usualStateBytes, Math.ceil(1.1 * cells * bytesPerCell(model.info, kvType))))
}
