/**
 * Carries out the jobs of one configuration in this process: checks each beforehand, and makes an engine that holds the longest.
 */
import type { ExecuteOptions, JobOutcome } from '../../jobs/job.ts'
import { EvalEngine, planJob, type EvalExecutor } from './eval-engine.ts'
import type { EvalJob } from './eval-job.ts'
import type { EvalRecord } from './eval-record.ts'
import type { EvalSetting } from './graded-record.ts'

export interface LocalExecutorOptions {
  /** Sequences at the same time, memory permitting. */
  readonly sequences: number
  readonly signal: AbortSignal
  /** Memory holds only so many sequences of so many cells. */
  readonly onShortage?: ((possible: number, asked: number, cells: number) => void) | undefined
}

export class LocalExecutor implements EvalExecutor {
  readonly parallel: number
  readonly #engine: EvalEngine | undefined
  /** Jobs that cannot begin. */
  readonly #outcomes: ReadonlyMap<EvalJob, JobOutcome<never>>

  /** @throws EngineError `context_not_created` when memory does not suffice for one sequence */
  static async open(
    jobs: readonly EvalJob[],
    setting: EvalSetting,
    { sequences, signal, onShortage }: LocalExecutorOptions,
  ): Promise<LocalExecutor> {
    const outcomes = new Map<EvalJob, JobOutcome<never>>()
    const runnable: EvalJob[] = []
    let cells = 1
    let attention = false
    for (const job of jobs) {
      if (signal.aborted) break
      const plan = await planJob(job, setting)
      if (plan.kind === 'done') {
        runnable.push(job)
        cells = Math.max(cells, plan.result.cells)
        attention ||= plan.result.attention
      } else outcomes.set(job, plan)
    }
    const [first] = runnable
    if (!first || signal.aborted) return new LocalExecutor(undefined, outcomes)
    const asked = Math.min(sequences, runnable.length)
    const { kvType } = first.settings
    const engine = await EvalEngine.open(setting, { cells, attention }, { sequences: asked, kvType })
    if (engine.sequences < asked) onShortage?.(engine.sequences, asked, cells)
    return new LocalExecutor(engine, outcomes)
  }

  private constructor(engine: EvalEngine | undefined, outcomes: ReadonlyMap<EvalJob, JobOutcome<never>>) {
    this.parallel = engine?.parallel ?? 1
    this.#engine = engine
    this.#outcomes = outcomes
  }

  async execute(job: EvalJob, options: ExecuteOptions): Promise<JobOutcome<() => Promise<EvalRecord>> | undefined> {
    return this.#outcomes.get(job) ?? (await this.#engine?.execute(job, options))
  }

  async close(): Promise<void> {
    await this.#engine?.close()
  }
}
