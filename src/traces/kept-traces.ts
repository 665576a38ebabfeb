/** The kept traces of a trace file, for whatever works on traces of its model. */
import type { TemplateOptions } from '../engine/locate-model.ts'
import { templateHash } from '../engine/template-hash.ts'
import { InputError } from '../errors.ts'
import { differentFact, type Fingerprint } from '../predictor/index.ts'
import { readRecords } from '../records/read-records.ts'
import type { ImportanceRecord } from './importance-record.ts'
import { traceRecords, type KeptTrace } from './trace-record.ts'

/**
 * The kept traces of a file, one after another, as they were written.
 * @throws InputError `records_not_found`, `invalid_records`, `trace_mismatch`
 */
export function* keptTraces(path: string, model: Fingerprint): Generator<KeptTrace, void, undefined> {
  for (const trace of readRecords(path, traceRecords)) {
    if (trace.outcome !== 'kept') continue
    refuseOtherModel(`${path}: trace ${trace.id} is of`, trace.model, model)
    checkPhases(path, trace)
    yield trace
  }
}

/**
 * @param what is of, or was made with, the model `made`
 * @throws InputError `trace_mismatch`
 */
export function refuseOtherModel(what: string, made: Fingerprint, model: Fingerprint): void {
  const different = differentFact(made, model)
  if (!different) return
  const { fact, a, b } = different
  throw new InputError('trace_mismatch', `${what} ${made.name} (${fact} ${a}), but the model's ${fact} is ${b}.`)
}

/**
 * @param template what was given in place of the model's own
 * @throws InputError `trace_mismatch`
 */
export function refuseOtherTemplate(path: string, { id, settings }: KeptTrace, template: TemplateOptions): void {
  if (settings.template === templateHash(template)) return
  throw new InputError(
    'trace_mismatch',
    `${path}: trace ${id} was made with another chat template, template variables or thinking tags. Give the same.`,
  )
}

/** The tags that the kept traces of a file were made with, if others were given than those of the model. */
export function givenTags(path: string): TemplateOptions['thinkingTags'] {
  for (const trace of readRecords(path, traceRecords)) if (trace.outcome === 'kept') return trace.thinkingTags
  return undefined
}

/** The counts of a record; the answer's tokens are those after `</think>`. */
export function countsOf(trace: KeptTrace) {
  const { promptTokens, thinkStart, thinkEnd, answerStart, tokens } = trace
  return { promptTokens, thinkingTokens: thinkEnd - thinkStart, answerTokens: tokens.length - answerStart }
}

/** Whether a trace may be the one that was measured under its id. */
export function isMeasuredAs(record: ImportanceRecord, trace: KeptTrace): boolean {
  const { promptTokens, thinkingTokens, answerTokens } = countsOf(trace)
  return (
    record.promptTokens === promptTokens &&
    record.thinkingTokens === thinkingTokens &&
    record.answerTokens === answerTokens
  )
}

function checkPhases(path: string, trace: KeptTrace): void {
  const { id, tokens, promptTokens, thinkStart, thinkEnd, answerStart, model } = trace
  const bounds = [promptTokens, thinkStart, thinkEnd, answerStart, tokens.length]
  const ordered =
    promptTokens <= thinkStart && thinkStart < thinkEnd && thinkEnd < answerStart && answerStart < tokens.length
  if (ordered && tokens.every((token) => token < model.vocabularySize)) return
  throw new InputError(
    'invalid_records',
    `${path}: trace ${id} is damaged: ${ordered ? 'it holds tokens that the model does not have' : `its phases are ${bounds.join(', ')}`}.`,
  )
}
