/**
 * `dynts eval`: policies on tasks, each sample recorded as soon as it is there, and the tables at the end.
 */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Command } from 'commander'
import { Grader } from '../../evaluation/grading/grader.ts'
import { extendPlan, narrowPlan, type EvalPlan } from '../../evaluation/run/eval-plan.ts'
import { runEval, type EvalRun } from '../../evaluation/run/run-eval.ts'
import { summarise, type EvalSummary } from '../../evaluation/run/summarise.ts'
import { summaryText } from '../../evaluation/run/summary-tables.ts'
import { evalFailuresPath, hasPlan, readPlan } from '../../evaluation/run/eval-folder.ts'
import { QueueExecutor } from '../../queue/queue-executor.ts'
import { queuedEval } from '../../queue/queued-eval.ts'
import { chooseEval, planEval } from '../eval/eval-grid.ts'
import { addEvalOptions, checkEvalFlags, metricsOf, type EvalFlags } from '../eval/eval-options.ts'
import { writeSummary } from '../eval/eval-output.ts'
import { firstPrompts, whatIsPlanned } from '../eval/eval-plan-text.ts'
import { sayWhatFailed } from '../output/failed-jobs.ts'
import { findModel, whileDownloading } from '../find-model.ts'
import { interruptedText, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { loadModel } from '../output/load-progress.ts'
import { packageVersion } from '../package-version.ts'
import { printable } from '../output/printable.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { openQueueClient } from '../queue-client.ts'
import { runProgress } from '../output/run-progress.ts'
import { checkPredictorUse } from '../options/predictor-option.ts'
import { templateOptions } from '../options/template-options.ts'
import { toStdout, writeResult, type Say, type Write } from '../output/write.ts'
import { evalMergeCommand } from './eval-merge.ts'
import { evalSummaryCommand } from './eval-summary.ts'

const withoutPredictor =
  'There is no importance predictor for this model, so dynts is not among the policies. dynts fit trains one (docs/training.md).'

export function evalCommand(): Command {
  const command = new Command('eval')
  return addEvalOptions(command)
    .enablePositionalOptions()
    .action(async (flags: EvalFlags) => {
      await evaluate(flags)
    })
    .addCommand(evalSummaryCommand())
    .addCommand(evalMergeCommand())
}

/**
 * Evaluates, and tells the tables.
 * @param options `write` gets them, or the JSON object; `isPart`: of a longer work, which has said what is planned
 * @returns undefined if it was interrupted, or planned only
 */
export async function evaluate(
  flags: EvalFlags,
  { write = toStdout, isPart = false }: { readonly write?: Write; readonly isPart?: boolean } = {},
): Promise<EvalRun | undefined> {
  checkEvalFlags(flags)
  const choice = chooseEval(flags)
  // What is not given is as published, whatever a predictor recommends. Of a longer work all parts have the same predictor.
  if (!isPart && choice.policies) checkPredictorUse(flags, choice.policies, false)
  const templates = templateOptions(flags)
  using signal = onInterrupt()
  using progress = new ProgressLine(process.stderr, 'samples')
  const say: Say = (text) => progress.say(text)
  await using grader = new Grader()
  const { output } = choice
  await using queue =
    flags.dryRun === true ? undefined : await openQueueClient(flags, join(output, 'queue.json'), progress)
  const located = await findModel(flags, signal, templates)
  if (!located) return undefined
  const grid = await whileDownloading(signal, (onDownload) => planEval(flags, choice, located, { signal, onDownload }))
  if (!grid) return undefined
  const { plan } = grid
  const held = flags.resume ? heldTasks(output, plan) : []
  const where = { parallel: queue ? undefined : grid.parallel, shard: flags.shard, output, held }
  const planned = whatIsPlanned(located, plan, where)
  if (flags.dryRun === true) {
    printDryRun(plan, planned, flags, write)
    return undefined
  }
  if (!isPart) for (const line of planned) say(line)
  if (!choice.policies && !located.predictor) say(withoutPredictor)
  const identity = { model: plan.model, predictor: plan.predictor, template: plan.template }
  const asked = { reference: flags.model, predictor: flags.predictor, template: located.template, identity }
  const show = runProgress(progress, 'samples', isPart ? undefined : output)
  const run = await untilInterrupted(signal, async () => {
    await using model = await loadModel(located, flags, { signal, say, vocabularyOnly: queue !== undefined })
    return await runEval({
      ...{ model, grader, signal, shard: flags.shard, resume: flags.resume, folder: output },
      ...grid,
      identity,
      maxFailures: flags.maxFailures,
      executor: queue && new QueueExecutor(queue.jobs, queuedEval(asked)),
      versions: { dynts: packageVersion() },
      onProgress: (now) => show(now, (rate) => [queue?.note() ?? now.label, rate]),
      onNote: say,
    })
  })
  progress.stop()
  if (queue) queue.isComplete = run?.interrupted === false
  if (run?.interrupted !== false) say(interruptedText(flags))
  if (!run) return undefined
  await print(run, plan, flags, { output, grader, say, write })
  sayWhatFailed({ failed: run.failedNow, skipped: run.skippedNow }, evalFailuresPath(output), say)
  return run.interrupted ? undefined : run
}

/** Tasks of a folder that are not of this run. @throws InputError `plan_differs` if the run cannot be added to it */
function heldTasks(folder: string, plan: EvalPlan): string[] {
  if (!hasPlan(folder)) return []
  const names = extendPlan(readPlan(folder), plan, folder).tasks.map(({ name }) => name)
  return names.filter((name) => !plan.tasks.some((task) => task.name === name))
}

function printDryRun(plan: EvalPlan, planned: readonly string[], flags: EvalFlags, write: Write): void {
  const text = [...planned, ...firstPrompts(plan)].join('\n')
  writeResult(flags, { ...plan, schema: 'dynts.eval.dry-run/1', plan: plan.schema }, printable(text), write)
}

interface Printing {
  readonly output: string
  readonly grader: Grader
  readonly say: Say
  readonly write: Write
}

/**
 * Prints what was asked for now, beside everything else that was measured of the same items; the files in the folder have all.
 * A part has no tables: they would be of a random choice of items.
 */
async function print(
  run: EvalRun,
  asked: EvalPlan,
  flags: EvalFlags,
  { output, grader, say, write }: Printing,
): Promise<void> {
  const isEnded = !run.interrupted && run.done > 0 && flags.shard === undefined
  const options = { allowMissing: true, grader }
  const whole = isEnded ? await summarise(output, options) : null
  if (whole) writeSummary(output, whole)
  const isAll = isDeepStrictEqual(narrowPlan(run.plan, asked), run.plan)
  const summary = whole && !isAll ? await summarise(output, { ...options, within: asked }) : whole
  const text = summary ? summaryText(summary) : `${output}: ${run.done} of ${run.total} samples`
  writeResult(flags, runJson(run, flags, output, summary), text, write)
  if (run.refusedNow > 0) say(`${run.refusedNow} prompts did not fit; they are recorded as refused`)
  if (flags.shard && !run.interrupted) say('When all parts are there: dynts eval merge FOLDER... -o FOLDER')
}

function runJson({ plan, ...counts }: EvalRun, flags: EvalFlags, output: string, summary: EvalSummary | null) {
  const { model, predictor, template, seed, kvType } = plan
  return {
    schema: 'dynts.eval.run/1',
    output,
    ...counts,
    shard: flags.shard ?? null,
    ...{ model, predictor, template, seed },
    settings: { kvType, metrics: metricsOf(flags), parallel: flags.parallel ?? null },
    versions: { dynts: packageVersion(), node: process.versions.node },
    summary,
  }
}
