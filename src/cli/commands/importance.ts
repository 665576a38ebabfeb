/**
 * `dynts importance`: how much the answer looked back at each thinking token of the sampled traces, and the hidden states that
 * a predictor is trained on.
 */
import { Command } from 'commander'
import type { GgufInfo } from '../../models/gguf-file.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { percent } from '../../percent.ts'
import { pick } from '../../pick.ts'
import {
  extractImportance,
  type ExtractOptions,
  type ExtractProgress,
  type ExtractSummary,
  type PassSpeed,
} from '../../traces/extract-importance.ts'
import type { ImportancePlan } from '../../traces/importance-plan.ts'
import { count, counted } from '../output/counted.ts'
import { findModel } from '../find-model.ts'
import { FirstEstimate } from '../train/first-estimate.ts'
import {
  addImportanceOptions,
  checkImportanceFlags,
  labelOf,
  type ImportanceFlags,
} from '../train/importance-options.ts'
import { interruptedText, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { shellWord } from '../message-line.ts'
import { modelTitle } from '../options/model-option.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { toStderr, toStdout, writeResult } from '../output/write.ts'

type Forecast = (speed: PassSpeed) => string | undefined

export function importanceCommand(): Command {
  const command = new Command('importance')
  return addImportanceOptions(command).action(async (flags: ImportanceFlags) => {
    checkImportanceFlags(flags)
    const finished = await importance(flags)
    if (finished) toStderr(`Next: dynts train --importance ${shellWord(finished)}`)
  })
}

/**
 * Measures, and tells the result.
 * @param write gets the summary, or the JSON object
 * @param forecast says after the first trace how long what follows will take
 * @returns the folder; undefined if it was interrupted
 */
export async function importance(
  flags: ImportanceFlags,
  write = toStdout,
  forecast?: Forecast,
): Promise<string | undefined> {
  using signal = onInterrupt()
  const located = await findModel({ ...flags, predictor: 'none' }, signal)
  if (!located) return undefined
  const { info } = located
  const output = flags.output ?? flags.traces.replace(/(\.jsonl)?$/, '.importance')
  const summary = await untilInterrupted(signal, () => extract({ ...optionsOf(flags), info, output, signal }, forecast))
  if (!summary || summary.interrupted) return void toStderr(interruptedText(flags))
  writeResult(flags, recordOf(summary, info, output, flags), summaryOf(summary, output).join('\n'), write)
  return output
}

async function extract(options: ExtractOptions, forecast: Forecast | undefined): Promise<ExtractSummary> {
  using loading = new ProgressLine(process.stderr, 'loading the model')
  using progress = new ProgressLine(process.stderr, 'tokens')
  const estimate = new FirstEstimate('trace')
  let now: ExtractProgress | undefined
  const { output } = options
  return await extractImportance({
    ...options,
    onWait: () => toStderr(`Another dynts is writing ${output}: waiting for it.`),
    onPlan: (plan, freeBytes) => [modelTitle(options.info), ...whatItTakes(plan, freeBytes, output)].forEach(toStderr),
    onLoading: (share) => loading.update(Math.round(share * 100), 100),
    onProgress: (latest) => {
      now = latest
      const { tokens, totalTokens, traces, totalTraces } = latest
      loading.stop()
      sayIfAny(progress, estimate.at(tokens, totalTokens, traces > 0))
      progress.update(tokens, totalTokens, `trace ${Math.min(traces + 1, totalTraces)} of ${totalTraces}`)
    },
    onSpeed:
      forecast &&
      ((speed) => {
        if (now) sayIfAny(progress, estimate.at(now.tokens, now.totalTokens, true))
        sayIfAny(progress, forecast(speed))
      }),
  })
}

function sayIfAny(progress: ProgressLine, line: string | undefined): void {
  if (line !== undefined) progress.say(line)
}

function optionsOf(flags: ImportanceFlags): Omit<ExtractOptions, 'info' | 'output' | 'signal'> {
  const { traces, tokensPerTrace, seed = 0, kvType, threads, gpu, gpuLayers, resume } = flags
  const versions = { dynts: packageVersion() }
  return { traces, label: labelOf(flags), tokensPerTrace, seed, kvType, threads, gpu, gpuLayers, resume, versions }
}

function whatItTakes(plan: ImportancePlan, freeBytes: number, output: string): string[] {
  const { traces, tracesLeft, tokensLeft, bytesLeft, skipped } = plan
  const lines = skipped > 0 ? [`${counted(skipped, 'trace')} left out: longer than the model's context.`] : []
  if (tracesLeft < traces) lines.push(`${count(traces - tracesLeft)} of ${counted(traces, 'trace')} done already.`)
  if (tracesLeft === 0) return lines
  lines.push(
    `${counted(tracesLeft, 'trace')} of ${count(tokensLeft)} tokens: writes ${formatBytes(bytesLeft)} to ${output} (${formatBytes(freeBytes)} free).`,
  )
  return lines
}

function summaryOf(summary: ExtractSummary, output: string): string[] {
  const { traces, promptTokens, thinkingTokens, answerTokens, storedTokens, aboveMean, bytes } = summary
  return [
    `${output}: ${counted(traces, 'trace')}, ${formatBytes(bytes)}`,
    `tokens: prompt ${count(promptTokens)}, thinking ${count(thinkingTokens)} (states of ${count(storedTokens)}), answer ${count(answerTokens)}`,
    `${percent(aboveMean)} of the thinking tokens have more than the mean importance of their trace`,
  ]
}

function recordOf(summary: ExtractSummary, info: GgufInfo, output: string, flags: ImportanceFlags) {
  const { manifest, plan, traces } = summary
  const { label, kvType, tokensPerTrace, seed, model, versions } = manifest
  return {
    schema: 'dynts.importance.summary/1',
    output,
    traces,
    skipped: plan.skipped,
    ...pick(summary, ['promptTokens', 'thinkingTokens', 'answerTokens', 'storedTokens', 'aboveMean', 'bytes']),
    model: { reference: flags.model, path: info.path, quantization: info.quantization, ...model },
    settings: { traces: flags.traces, label, kvType, tokensPerTrace },
    seed,
    versions,
  }
}
