/**
 * The engine of a worker for one model: made for what a job needs, and kept as long as the jobs that come need the same.
 */
import { ParetoEngine } from '../analysis/pareto/pareto-engine.ts'
import { EvalEngine, planJob } from '../evaluation/run/eval-engine.ts'
import type { EvalJob } from '../evaluation/run/eval-job.ts'
import { refusedRecord, type EvalSetting } from '../evaluation/run/graded-record.ts'
import type { ExecuteOptions, JobOutcome } from '../jobs/job.ts'
import type { KvType } from '../llama/index.ts'
import { LocalTraceExecutor } from '../traces/local-trace-executor.ts'
import { Pool } from './pool.ts'
import type { QueuedAnswer, QueuedJob, QueuedTrace } from './queued-job.ts'

interface PooledNeeds {
  readonly type: QueuedJob['type']
  readonly cells: number
  readonly attention: boolean
  readonly kvType: KvType
}

interface PooledEngine {
  readonly needs: PooledNeeds
  readonly engine: EvalEngine | LocalTraceExecutor | ParetoEngine
}

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
      close: ({ engine }) => engine.close(),
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
    return await this.#engines.use(needs, async ({ engine }) => {
      const grade = engine instanceof EvalEngine ? resultOf(await engine.execute(job, options)) : undefined
      return await grade?.()
    })
  }

  async #sample({ kvType, ...job }: QueuedTrace, options: ExecuteOptions): Promise<unknown> {
    const { messages, maxTokens } = job
    const { cells } = await this.#setting.model.plan({ prompt: { messages }, policy: 'full', maxTokens })
    return await this.#engines.use({ type: 'trace', cells, attention: false, kvType }, async ({ engine }) =>
      engine instanceof LocalTraceExecutor ? resultOf(await engine.execute(job, options)) : undefined,
    )
  }

  async #answer(
    { title, job }: { readonly title: string; readonly job: QueuedAnswer },
    options: ExecuteOptions,
  ): Promise<unknown> {
    const { kvType, ...answer } = job
    // The last token that is generated is not consumed.
    const cells = answer.tokens.length + answer.maxTokens - 1
    return await this.#engines.use({ type: 'answer', cells, attention: false, kvType }, async ({ engine }) =>
      engine instanceof ParetoEngine ? resultOf(await engine.execute({ title, ...answer }, options)) : undefined,
    )
  }
}

function resultOf<T>(outcome: JobOutcome<T> | undefined): T | undefined {
  if (outcome?.kind === 'failed') throw outcome.error
  return outcome?.kind === 'done' ? outcome.result : undefined
}

async function openEngine(setting: EvalSetting, needs: PooledNeeds, sequences: number): Promise<PooledEngine> {
  const { kvType, attention, type } = needs
  const cells = roundUp(needs.cells)
  const { model } = setting
  const engineOf = async () => {
    if (type === 'eval') return await EvalEngine.open(setting, { cells, attention }, { sequences, kvType })
    const executor = type === 'answer' ? ParetoEngine : LocalTraceExecutor
    return await executor.open(model, { cells, sequences, kvType })
  }
  return { needs: { ...needs, cells }, engine: await engineOf() }
}

function roundUp(cells: number): number {
  return Math.ceil(cells / cellSteps) * cellSteps
}
