/**
 * Carries out jobs of one configuration on an engine made for it: jobs go in in any number and order, results come out. Knows
 * nothing of files, plans or where jobs come from.
 */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import type { PlanReply } from '../../engine/protocol.ts'
import type { GenerateRequest } from '../../engine/types.ts'
import { EngineError, InputError } from '../../errors.ts'
import { generated } from '../../jobs/engine-executor.ts'
import { outcomeOf, type ExecuteOptions, type Executor, type JobOutcome } from '../../jobs/job.ts'
import { memoryPlan } from '../../models/memory-plan.ts'
import { notNull } from '../../pick.ts'
import { boundOf, type EvalJob, type PlannedJob, type ReplayReference } from './eval-job.ts'
import type { EvalRecord } from './eval-record.ts'
import { gradedRecord, type EvalSetting } from './graded-record.ts'
import { RecallProbe } from './recall-probe.ts'

/** Gives a job's record once it is graded, so that the next job need not wait for the grader. */
export type EvalExecutor = Executor<EvalJob, () => Promise<EvalRecord>>

/** What jobs of one configuration ask of their engine. */
export interface EngineNeeds {
  /** Of the longest. */
  readonly cells: number
  readonly attention: boolean
}

export class EvalEngine implements EvalExecutor {
  /** At most as many as asked for, fewer if memory is short. */
  readonly sequences: number
  /** One more than fits waits in the engine, so that no place in its cache stays empty. */
  readonly parallel: number
  readonly #engine: Engine
  readonly #setting: EvalSetting
  #lastEnd = performance.now()
  #underWay = 0

  /**
   * @param options.sequences at the same time, memory permitting
   * @throws EngineError `context_not_created` when memory does not suffice for one sequence
   */
  static async open(
    setting: EvalSetting,
    { cells, attention }: EngineNeeds,
    options: { readonly sequences: number; readonly kvType: PlannedJob['settings']['kvType'] },
  ): Promise<EvalEngine> {
    const { model } = setting
    const { kvType } = options
    for (let sequences = Math.min(options.sequences, affordable(model, cells, kvType)); ; sequences >>= 1) {
      try {
        const engine = await Engine.create(model, { cells, attention, sequences, kvType })
        return new EvalEngine(engine, setting)
      } catch (error) {
        // A GPU's memory is not known beforehand.
        if (!(error instanceof EngineError) || error.code !== 'context_not_created' || sequences === 1) throw error
      }
    }
  }

  private constructor(engine: Engine, setting: EvalSetting) {
    this.sequences = engine.sequences
    this.parallel = engine.sequences + 1
    this.#engine = engine
    this.#setting = setting
  }

  /** Any number of jobs at the same time: those that find no place wait. */
  async execute(job: EvalJob, options: ExecuteOptions): Promise<JobOutcome<() => Promise<EvalRecord>> | undefined> {
    // Waiting for work is not part of it.
    if (this.#underWay === 0) this.#lastEnd = performance.now()
    this.#underWay++
    try {
      return await outcomeOf(options.signal, async () => {
        const request = requestOf(job, this.#setting.policyFiles)
        const recall = recallOf(job)
        const result = await generated(this.#engine, request, options, (event) => recall?.take(event))
        if (!result) return undefined
        const now = performance.now()
        const ended = {
          ...{ result, wallMs: now - this.#lastEnd, at: new Date(), sequences: this.sequences },
          recall: recall?.result(result),
        }
        this.#lastEnd = now
        return () => gradedRecord(job, ended, this.#setting)
      })
    } finally {
      this.#underWay--
    }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

function recallOf(job: EvalJob): RecallProbe | undefined {
  return job.kind === 'replay' && job.reference.fact ? new RecallProbe(job.reference, job.reference.fact) : undefined
}

/** Errors that come from one prompt's length: with another, the same settings may do. */
const refusals: ReadonlySet<string> = new Set(['prompt_too_long', 'policy_does_not_fit'])

/** What a job asks of an engine, or why it cannot even begin. */
export async function planJob(job: PlannedJob, { model, policyFiles }: EvalSetting): Promise<JobOutcome<PlanReply>> {
  try {
    return { kind: 'done', result: await model.plan(requestOf(job, policyFiles)) }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    return refusals.has(error.code) ? { kind: 'refused', reason: error.message } : { kind: 'failed', error }
  }
}

function requestOf(
  job: PlannedJob & { readonly reference?: ReplayReference },
  policyFiles: ReadonlyMap<string, string>,
): GenerateRequest {
  const { maxTokens, sampling } = job.settings
  const { promptTokens, tokens, fact } = job.reference ?? {}
  return {
    prompt: promptTokens ? { tokens: promptTokens } : { messages: [{ role: 'user', content: job.prompt }] },
    policy: policyFiles.get(job.policy) ?? job.policy,
    policyOptions: job.policyOptions,
    protect: job.protect,
    ...notNull({ policyHash: job.policyHash, ...boundOf(job.settings) }),
    maxTokens,
    sampling,
    seed: job.seed,
    replay: tokens,
    logprobs: fact && 1,
  }
}

/** A machine that swaps measures nothing: four fifths of what is free, at least one sequence. */
function affordable(model: Model, cells: number, kvType: PlannedJob['settings']['kvType']): number {
  if (model.backend !== 'cpu') return Infinity
  const { cacheBytes } = memoryPlan(model.info, { cellsPerSequence: cells, sequences: 1, kvType, textLength: cells })
  return Math.max(1, Math.floor((process.availableMemory() * 0.8) / cacheBytes))
}
