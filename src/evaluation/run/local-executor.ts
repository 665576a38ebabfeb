/**
 * Carries out the jobs of one configuration in this process: checks each beforehand, and makes an engine that holds the longest.
 */
import type { JobOutcome } from '../../jobs/job.ts'
import { EvalEngine, planJob, type EvalExecutor } from './eval-engine.ts'
import type { EvalJob } from './eval-job.ts'
import type { EvalSetting } from './graded-record.ts'

export interface LocalExecutorOptions {
  /** Sequences at the same time, memory permitting. */
  readonly sequences: number
  readonly signal: AbortSignal
  /** Memory holds only so many sequences of so many cells. */
  readonly onShortage?: ((possible: number, asked: number, cells: number) => void) | undefined
}

/** @throws EngineError `context_not_created` when memory does not suffice for one sequence */
export async function openLocalExecutor(
  jobs: readonly EvalJob[],
  setting: EvalSetting,
  { sequences, signal, onShortage }: LocalExecutorOptions,
): Promise<EvalExecutor> {
  /** Of jobs that cannot begin. */
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
  let engine: EvalEngine | undefined
  if (first && !signal.aborted) {
    const asked = Math.min(sequences, runnable.length)
    const { kvType } = first.settings
    engine = await EvalEngine.open(setting, { cells, attention }, { sequences: asked, kvType })
    if (engine.sequences < asked) onShortage?.(engine.sequences, asked, cells)
  }
  return {
    parallel: engine?.parallel ?? 1,
    execute: async (job, options) => outcomes.get(job) ?? (await engine?.execute(job, options)),
    close: async () => await engine?.close(),
  }
}
