/**
 * What `dynts trace` says before and at its end, for people and as JSON.
 */
import { fingerprint } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import { mathInstruction } from '../../evaluation/tasks/prompts.ts'
import { missingMetadata } from '../../models/missing-metadata.ts'
import { dropReasons } from '../../traces/trace-record.ts'
import type { ImportSummary } from '../../traces/import-traces.ts'
import type { TraceSummary } from '../../traces/sample-traces.ts'
import type { TraceTally } from '../../traces/trace-file.ts'
import { count, counted } from '../output/counted.ts'
import { modelTitle } from '../options/model-option.ts'
import { packageVersion } from '../package-version.ts'
import { instructionOf, type TraceFlags } from './trace-options.ts'
import { samplingOf } from './trace-sampling.ts'

/** Before anything is traced. */
export function whatIsKnown({ info }: Pick<Model, 'info'>, { maxLength }: TraceFlags): string[] {
  const lines = [modelTitle(info), ...missingMetadata(info)]
  if (maxLength > info.trainedContext) {
    lines.push(`The model was trained for ${count(info.trainedContext)} positions: longer traces are dropped.`)
  }
  return lines
}

/** A few lines. */
export function traceSummary(
  summary: Pick<TraceSummary, keyof TraceTally | 'output' | 'sampledNow' | 'total'>,
  what = 'samples',
): string[] {
  const { output, sampled, sampledNow, total, kept, dropped, meanThinkingTokens } = summary
  const before = sampled - sampledNow
  const lines = [
    `${output}: ${count(sampled)} of ${count(total)} ${what}${before > 0 ? `, ${count(before)} of them from before` : ''}`,
    `kept ${count(kept)}`,
  ]
  const reasons = dropReasons.filter((reason) => dropped[reason] > 0)
  if (reasons.length > 0) {
    const each = reasons.map((reason) => `${count(dropped[reason])} ${reason}`).join(', ')
    lines.push(`dropped ${count(sampled - kept)}: ${each}`)
  }
  if (meanThinkingTokens !== null)
    lines.push(`thinking tokens of a kept trace: ${count(Math.round(meanThinkingTokens))} on average`)
  return lines
}

/** Of traces that were given. */
export function importSummary(summary: ImportSummary): string[] {
  const { notJudged, questions } = summary
  const [first = '', ...others] = traceSummary(summary, 'traces')
  const unjudged =
    notJudged > 0 ? [`${counted(notJudged, 'trace')} without a right answer to judge by: kept if complete`] : []
  return [`${first}, of ${counted(questions, 'question')}`, ...unjudged, ...others]
}

export function importRecordOf(
  summary: ImportSummary,
  { info, release }: Model,
  flags: TraceFlags,
): Record<string, unknown> {
  const { path, quantization } = info
  const { given, givenFields, maxLength } = flags
  return {
    schema: 'dynts.trace.summary/1',
    ...summary,
    model: { reference: flags.model, path, quantization, ...fingerprint(info) },
    source: { kind: 'given', file: given, fields: givenFields ?? null },
    settings: { maxLength, instruction: instructionOf(flags) ?? `\n${mathInstruction}` },
    versions: { dynts: packageVersion(), node: process.versions.node, llamaCpp: release },
  }
}

export function traceRecordOf(
  summary: TraceSummary,
  { info, release }: Model,
  /** The model's name at the endpoint; undefined: sampled here. */
  source: string | undefined,
  /** Where the questions are from. */
  questions: string,
  flags: TraceFlags,
): Record<string, unknown> {
  const { maxTokens, maxLength, samples, kvType, seed, endpoint } = flags
  const { path, quantization } = info
  return {
    schema: 'dynts.trace.summary/1',
    ...summary,
    model: { reference: flags.model, path, quantization, ...fingerprint(info) },
    source: source === undefined ? { kind: 'local' } : { kind: 'remote', endpoint, model: source },
    settings: {
      task: flags.task ?? null,
      questions,
      samples,
      ...samplingOf(flags),
      maxTokens,
      maxLength,
      instruction: instructionOf(flags) ?? `\n${mathInstruction}`,
      kvType: source === undefined ? kvType : null,
    },
    seed,
    versions: { dynts: packageVersion(), node: process.versions.node, llamaCpp: release },
  }
}
