/**
 * The engine of a worker for one model: made for what a job needs, and kept as long as the jobs that come need the same.
 */
import type { Answered, AnswerJob } from '../analysis/pareto/answer-job.ts'
import { openLocalAnswers } from '../analysis/pareto/local-answers.ts'
import { EvalEngine, planJob, type EvalExecutor } from '../evaluation/run/eval-engine.ts'
import type { EvalJob } from '../evaluation/run/eval-job.ts'
import { refusedRecord, type EvalSetting } from '../evaluation/run/graded-record.ts'
import type { ExecuteOptions, Executor, JobOutcome } from '../jobs/job.ts'
import type { KvType } from '../llama/index.ts'
import { openLocalTraces, type DrawnJob } from '../traces/local-traces.ts'
import type { Sampled } from '../traces/trace-job.ts'
import { Pool } from './pool.ts'
import type { QueuedJob, QueuedTrace } from './queued-job.ts'

interface PooledNeeds {
  readonly type: QueuedJob['type']
  readonly cells: number
  readonly attention: boolean
  readonly kvType: KvType
}

/** What carries out jobs of one type, on an engine made for these needs. */
type PooledEngine = { readonly needs: PooledNeeds } & (
  | { readonly type: 'eval'; readonly executor: EvalExecutor }
  | { readonly type: 'trace'; readonly executor: Executor<DrawnJob, Sampled> }
  | { readonly type: 'answer'; readonly executor: Executor<AnswerJob, Answered> }
)

/** Jobs differ by a few cells: rounding up spares a new engine for each. */
const cellSteps = 512

export class EnginePool {
  readonly #setting: EvalSetting
  readonly #engines: Pool<PooledEngine, PooledNeeds>

  /** @param sequences jobs at the same time, memory permitting */
  constructor(setting: EvalSetting, sequences: number) {
    this.#setting = setting
    this.#engines = new Pool({
      open: (needs) => openEngine(setting, needs, sequences),
      close: ({ executor }) => executor.close(),
      fits: ({ needs }, wanted) =>
        needs.type === wanted.type &&
        needs.kvType === wanted.kvType &&
        needs.attention === wanted.attention &&
        needs.cells >= wanted.cells &&
        // Cells that nobody needs are sequences that find no place.
        needs.cells <= 2 * roundUp(wanted.cells),
    })
  }

  /**
   * @returns the job's result as it goes back to whoever added it, or undefined if `signal` ended it
   * @throws InputError for a job that nobody can carry out; EngineError
   */
  async execute(queued: QueuedJob, options: ExecuteOptions): Promise<unknown> {
    if (queued.type === 'eval') return await this.#evaluate(queued.job, options)
    if (queued.type === 'answer') return await this.#answer(queued, options)
    return await this.#sample(queued.job, options)
  }

  async close(): Promise<void> {
    await this.#engines.close()
    await this.#setting.model.close()
  }

  async #evaluate(job: EvalJob, options: ExecuteOptions): Promise<unknown> {
    const plan = await planJob(job, this.#setting)
    if (plan.kind === 'refused') return refusedRecord(job, plan.reason, this.#setting)
    if (plan.kind === 'failed') throw plan.error
    const { cells, attention } = plan.result
    const needs: PooledNeeds = { type: 'eval', cells, attention, kvType: job.settings.kvType }
    return await this.#engines.use(needs, async ({ type, executor }) => {
      const grade = type === 'eval' ? resultOf(await executor.execute(job, options)) : undefined
      return await grade?.()
    })
  }

  async #sample({ kvType, ...job }: QueuedTrace, options: ExecuteOptions): Promise<unknown> {
    const { messages, maxTokens } = job
    const { cells } = await this.#setting.model.plan({ prompt: { messages }, policy: 'full', maxTokens })
    return await this.#engines.use({ type: 'trace', cells, attention: false, kvType }, async ({ type, executor }) =>
      type === 'trace' ? resultOf(await executor.execute(job, options)) : undefined,
    )
  }

  async #answer({ title, job }: Extract<QueuedJob, { type: 'answer' }>, options: ExecuteOptions): Promise<unknown> {
    const { kvType, ...answer } = job
    // The last token that is generated is not consumed.
    const cells = answer.tokens.length + answer.maxTokens - 1
    return await this.#engines.use({ type: 'answer', cells, attention: false, kvType }, async ({ type, executor }) =>
      type === 'answer' ? resultOf(await executor.execute({ title, ...answer }, options)) : undefined,
    )
  }
}

function resultOf<T>(outcome: JobOutcome<T> | undefined): T | undefined {
  if (outcome?.kind === 'failed') throw outcome.error
  return outcome?.kind === 'done' ? outcome.result : undefined
}

async function openEngine(setting: EvalSetting, needs: PooledNeeds, sequences: number): Promise<PooledEngine> {
  const { kvType, attention, type } = needs
  const { model } = setting
  const cells = roundUp(needs.cells)
  const options = { cells, sequences, kvType }
  const rounded = { ...needs, cells }
  switch (type) {
    case 'eval':
      return { needs: rounded, type, executor: await EvalEngine.open(setting, { cells, attention }, options) }
    case 'trace':
      return { needs: rounded, type, executor: await openLocalTraces(model, options) }
    case 'answer':
      return { needs: rounded, type, executor: await openLocalAnswers(model, options) }
  }
}

function roundUp(cells: number): number {
  return Math.ceil(cells / cellSteps) * cellSteps
}
