/**
 * Carries out jobs of one configuration on an engine made for it: jobs go in in any number and order, records come out. Knows
 * nothing of files, plans or where jobs come from.
 */
import { Engine } from '../../engine/engine.ts'
import type { Model } from '../../engine/model.ts'
import type { PlanReply } from '../../engine/protocol.ts'
import type { GenerateRequest, GenerateResult } from '../../engine/types.ts'
import { EngineError, InputError } from '../../errors.ts'
import { findThinkingTags } from '../../llama/index.ts'
import { memoryPlan } from '../../models/memory-plan.ts'
import { isLoop } from '../metrics/loop.ts'
import { answerLoss } from '../metrics/replay-loss.ts'
import { jobKey, type EvalIdentity, type EvalJob, type PlannedJob } from './eval-job.ts'
import { evalSchema, type EvalRecord } from './eval-record.ts'
import { judge, type AnswerGrader } from './judge.ts'

/** What all jobs of a process are carried out with. */
export interface EvalSetting {
  readonly model: Model
  readonly identity: EvalIdentity
  readonly grader: AnswerGrader
  /** Where the files of users' own policies are, by their names in jobs. */
  readonly policyFiles: ReadonlyMap<string, string>
  readonly versions: Readonly<Record<string, string>>
}

/** A generation that has ended and is not graded yet. */
export interface Carried {
  readonly job: EvalJob
  readonly result: GenerateResult
  /** As in a record. */
  readonly wallMs: number
  /** When it ended. */
  readonly at: Date
}

/** What jobs of one configuration ask of their engine. */
export interface EngineNeeds {
  /** Of the longest. */
  readonly cells: number
  readonly attention: boolean
}

export class EvalEngine {
  /** Sequences at the same time: at most as many as asked for, fewer if memory is short. */
  readonly parallel: number
  readonly #engine: Engine
  readonly #setting: EvalSetting
  readonly #closeTag: string
  #lastEnd = performance.now()
  #underWay = 0

  /** @throws EngineError `context_not_created` when memory does not suffice for one sequence */
  static async open(
    setting: EvalSetting,
    { cells, attention }: EngineNeeds,
    { parallel, kvType }: { readonly parallel: number; readonly kvType: PlannedJob['settings']['kvType'] },
  ): Promise<EvalEngine> {
    const { model } = setting
    for (let sequences = Math.min(parallel, affordable(model, cells, kvType)); ; sequences >>= 1) {
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
    this.parallel = engine.sequences
    this.#engine = engine
    this.#setting = setting
    this.#closeTag = findThinkingTags(setting.model.info.chatTemplate ?? '').close
  }

  /**
   * Carries a job out; more than `parallel` wait for their turn.
   * @returns undefined if `signal` ended it
   * @throws InputError for a job that cannot be carried out, EngineError if the engine fails
   */
  async carryOut(
    job: EvalJob,
    { signal, onToken }: { readonly signal: AbortSignal; readonly onToken?: (() => void) | undefined },
  ): Promise<Carried | undefined> {
    // Waiting for work is not part of it.
    if (this.#underWay === 0) this.#lastEnd = performance.now()
    this.#underWay++
    try {
      const generation = this.#engine.generate(requestOf(job, this.#setting.policyFiles), { signal })
      for await (const { type } of generation) if (type === 'token') onToken?.()
      const result = await generation.result
      if (result.finishReason === 'cancelled') return undefined
      const now = performance.now()
      const wallMs = now - this.#lastEnd
      this.#lastEnd = now
      return { job, result, wallMs, at: new Date() }
    } finally {
      this.#underWay--
    }
  }

  /** Grades what was carried out. */
  async recordOf({ job, result, wallMs, at }: Carried): Promise<EvalRecord> {
    const { usage, cache, timing, text, tokens } = result
    const generated = tokens.slice(usage.promptTokens)
    const common = {
      ...commonFields(job, this.#setting, this.parallel),
      refused: null,
      degraded: cache.degraded,
      promptTokens: usage.promptTokens,
      thinkingTokens: usage.thinkingTokens,
      answerTokens: usage.answerTokens,
      generatedTokens: generated.length,
      meanCells: cache.meanCells,
      peakCells: cache.peakCells,
      peakBytes: cache.peakBytes,
      evictions: cache.evictions,
      compactions: cache.compactions,
      wallMs,
      forwardMs: timing.forwardMs,
      at: at.toISOString(),
    }
    if (job.kind === 'replay') {
      const { key, answerFrom } = job.reference
      const loss = answerLoss(result.logprobs ?? [], answerFrom)
      return { ...common, kind: 'replay', reference: key, loss }
    }
    const isOpen = usage.thinkingTokens > 0 && !text.includes(this.#closeTag)
    const truncated = result.finishReason !== 'stop' || isOpen
    const { expected, grading } = job
    const verdict = await judge({ answer: result.answer, truncated, expected, grading }, this.#setting.grader)
    return {
      ...common,
      kind: 'sample',
      ...verdict,
      truncated,
      looped: isLoop(generated),
      text,
      tokens: job.policy === 'full' ? generated : null,
    }
  }

  async close(): Promise<void> {
    await this.#engine.close()
  }
}

/** Errors that come from one prompt's length: with another, the same settings may do. */
const refusals: ReadonlySet<string> = new Set(['prompt_too_long', 'policy_does_not_fit'])

/**
 * What a job asks of an engine, or why its policy cannot even begin it: the prompt does not fit.
 * @throws InputError for settings under which no prompt would do, and `invalid_option` for a policy that reads attention
 *   weights from a q8_0 cache
 */
export async function planJob(
  job: PlannedJob,
  { model, policyFiles }: EvalSetting,
): Promise<PlanReply | { readonly refused: string }> {
  try {
    return await model.plan(requestOf(job, policyFiles))
  } catch (error) {
    if (error instanceof InputError && refusals.has(error.code)) return { refused: error.message }
    throw error
  }
}

/** The record of a job that its policy cannot even begin. */
export function refusedRecord(job: EvalJob, why: string, setting: EvalSetting): EvalRecord {
  const common = {
    ...commonFields(job, setting, 0),
    refused: why,
    degraded: false,
    promptTokens: 0,
    thinkingTokens: 0,
    answerTokens: 0,
    generatedTokens: 0,
    meanCells: 0,
    peakCells: 0,
    peakBytes: 0,
    evictions: 0,
    compactions: 0,
    wallMs: 0,
    forwardMs: 0,
    at: new Date().toISOString(),
  }
  if (job.kind === 'replay') return { ...common, kind: 'replay', reference: job.reference.key, loss: null }
  const verdict = { answer: null, right: false, graded: 'refused', truncated: false, looped: false }
  return { ...common, kind: 'sample', ...verdict, text: '', tokens: job.policy === 'full' ? [] : null }
}

export function keyOfJob(job: PlannedJob, { identity }: Pick<EvalSetting, 'identity'>): string {
  return jobKey(job, identity)
}

function commonFields(job: EvalJob, { identity, model, versions }: EvalSetting, parallel: number) {
  const { task, item, prompt, expected, grading, sample, policy, policyOptions, policyHash, settings, seed } = job
  return {
    schema: evalSchema,
    ...{ task, item, prompt, expected, grading, sample, policy, policyOptions, policyHash, settings, seed },
    model: identity.model,
    predictor: identity.predictor,
    machine: { backend: model.backend, threads: model.threads, parallel },
    versions: { ...versions, node: process.versions.node, llamaCpp: model.release },
  } as const
}

function requestOf(
  job: PlannedJob & { readonly reference?: { readonly tokens: readonly number[] } },
  policyFiles: ReadonlyMap<string, string>,
): GenerateRequest {
  const { budget, localWindow, ratio, maxTokens, sampling } = job.settings
  return {
    prompt: { messages: [{ role: 'user', content: job.prompt }] },
    policy: policyFiles.get(job.policy) ?? job.policy,
    ...(job.policyHash === null ? {} : { policyHash: job.policyHash }),
    policyOptions: job.policyOptions,
    ...(budget === null ? {} : { budget }),
    ...(localWindow === null ? {} : { localWindow }),
    ...(ratio === null ? {} : { ratio }),
    maxTokens,
    sampling,
    seed: job.seed,
    ...(job.reference ? { replay: job.reference.tokens } : {}),
  }
}

/** A machine that swaps measures nothing: four fifths of what is free, at least one sequence. */
function affordable(model: Model, cells: number, kvType: PlannedJob['settings']['kvType']): number {
  if (model.backend !== 'cpu') return Infinity
  const { cacheBytes } = memoryPlan(model.info, { cellsPerSequence: cells, sequences: 1, kvType, textLength: cells })
  return Math.max(1, Math.floor((process.availableMemory() * 0.8) / cacheBytes))
}
