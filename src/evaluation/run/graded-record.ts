/**
 * The record of a job that has ended: graded, or refused before it began.
 */
import type { Model } from '../../engine/model.ts'
import type { GenerateResult } from '../../engine/types.ts'
import { isLoop } from '../../engine/is-loop.ts'
import { versionsOf } from '../../jobs/versions.ts'
import { pick } from '../../pick.ts'
import { answerLoss } from '../metrics/replay-loss.ts'
import { jobFieldsOf, type EvalIdentity, type EvalJob } from './eval-job.ts'
import { evalSchema, type EvalRecord, type RecallResult } from './eval-record.ts'
import type { AnswerGrader } from '../grading/grade-answer.ts'
import { judge } from './judge.ts'

/** What all jobs of a process are carried out with. */
export interface EvalSetting {
  readonly model: Model
  readonly identity: EvalIdentity
  readonly grader: AnswerGrader
  /** Where the files of users' own policies are, by their names in jobs. */
  readonly policyFiles: ReadonlyMap<string, string>
  readonly versions: Readonly<Record<string, string>>
}

/** A generation that has ended. */
export interface EndedGeneration {
  readonly result: GenerateResult
  /** As in a record. */
  readonly wallMs: number
  /** When it ended. */
  readonly at: Date
  /** Places in its batch. */
  readonly sequences: number
  /** Of a trace that states a fact once. */
  readonly recall?: RecallResult | undefined
}

export async function gradedRecord(
  job: EvalJob,
  { result, wallMs, at, sequences, recall }: EndedGeneration,
  setting: EvalSetting,
): Promise<EvalRecord> {
  const { usage, cache, timing, text, tokens } = result
  const generated = tokens.slice(usage.promptTokens)
  const common = {
    ...commonFields(job, setting, sequences),
    refused: null,
    degraded: cache.degraded,
    ...pick(usage, ['promptTokens', 'thinkingTokens', 'answerTokens']),
    generatedTokens: generated.length,
    ...pick(cache, ['meanCells', 'peakCells', 'peakBytes', 'evictions', 'compactions']),
    wallMs,
    ...pick(timing, ['forwardMs', 'evictionMs']),
    at: at.toISOString(),
  }
  if (job.kind === 'replay') {
    const { key, answerFrom } = job.reference
    const loss = answerLoss(result.logprobs ?? [], answerFrom)
    return { ...common, kind: 'replay', reference: key, loss, ...(recall && { recall }) }
  }
  const truncated = result.finishReason !== 'stop' || result.thinkingEnd === 'unclosed'
  const { expected, grading } = job
  const verdict = await judge({ answer: result.answer, truncated, expected, grading }, setting.grader)
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

/** The record of a job that its policy cannot even begin. */
export function refusedRecord(job: EvalJob, why: string, setting: EvalSetting): EvalRecord {
  const common = {
    ...commonFields(job, setting, 0),
    refused: why,
    degraded: false,
    ...{ promptTokens: 0, thinkingTokens: 0, answerTokens: 0, generatedTokens: 0 },
    ...{
      meanCells: 0,
      peakCells: 0,
      peakBytes: 0,
      evictions: 0,
      compactions: 0,
      wallMs: 0,
      forwardMs: 0,
      evictionMs: 0,
    },
    at: new Date().toISOString(),
  }
  if (job.kind === 'replay') return { ...common, kind: 'replay', reference: job.reference.key, loss: null }
  const verdict = { answer: null, right: false, graded: 'refused', truncated: false, looped: false }
  return { ...common, kind: 'sample', ...verdict, text: '', tokens: job.policy === 'full' ? [] : null }
}

function commonFields(job: EvalJob, { identity, model, versions }: EvalSetting, parallel: number) {
  return {
    schema: evalSchema,
    ...jobFieldsOf(job),
    model: identity.model,
    predictor: identity.predictor,
    template: identity.template,
    machine: { backend: model.backend, threads: model.threads, parallel },
    versions: versionsOf({ model, versions }),
  } as const
}
