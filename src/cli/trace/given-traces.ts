/**
 * `dynts trace --given`: traces from a file that has thinking and replies already. Loads the model's vocabulary only.
 */
import { loadLocated, type Model } from '../../engine/model.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { importTraces, type ImportSummary } from '../../traces/import-traces.ts'
import { findModel } from '../find-model.ts'
import { interruptedText, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { templateOptions } from '../options/template-options.ts'
import { instructionOf, outputOf, type TraceFlags } from './trace-options.ts'
import { importRecordOf, importSummary, whatIsKnown } from './trace-summary.ts'
import { toStderr, writeResult, type Write } from '../output/write.ts'

type GivenFlags = TraceFlags & { readonly given: string }

/**
 * Records the traces, and tells the result.
 * @param write gets the summary, or the JSON object
 * @returns undefined if it was interrupted
 */
export async function importGiven(flags: GivenFlags, write: Write): Promise<ImportSummary | undefined> {
  const templates = templateOptions(flags)
  using signal = onInterrupt()
  const located = await findModel({ ...flags, predictor: 'none' }, signal, templates)
  if (!located) return undefined
  const summary = await untilInterrupted(signal, async () => {
    await using model = await loadLocated(located, { vocabularyOnly: true, gpu: 'off', signal })
    const summary = await record(model, flags, signal)
    writeResult(flags, importRecordOf(summary, model, flags), importSummary(summary).join('\n'), write)
    return summary
  })
  if (summary?.interrupted === false) return summary
  return void toStderr(interruptedText(flags))
}

async function record(model: Model, flags: GivenFlags, signal: AbortSignal): Promise<ImportSummary> {
  using progress = new ProgressLine(process.stderr, 'traces')
  const { given, givenFields: fields, questionField, answerField, idField, limit, maxLength, resume } = flags
  const output = outputOf(flags)
  await using grader = new Grader()
  let isFirst = true
  return await importTraces({
    ...{ model, given, output, fields, questionField, answerField, idField, limit, maxLength, resume, grader, signal },
    instruction: instructionOf(flags),
    versions: { dynts: packageVersion() },
    onProgress: ({ done, total, kept }) => {
      if (isFirst) for (const line of whatIsKnown(model, flags)) progress.say(line)
      if (isFirst && done > 0) progress.say(`${done} of ${total} traces are in ${output} already`)
      isFirst = false
      progress.update(done, total, `${kept} kept`)
    },
  })
}
