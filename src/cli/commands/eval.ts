/**
 * `dynts eval`: policies on tasks, each sample recorded as soon as it is there, and the tables at the end.
 */
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Command } from 'commander'
import { locateModel, type LocatedModel, type TemplateOptions } from '../../engine/locate-model.ts'
import { loadLocated, type Model } from '../../engine/model.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { extendPlan, narrowPlan, type EvalPlan } from '../../evaluation/run/eval-plan.ts'
import { runEval, type EvalProgress, type EvalRun } from '../../evaluation/run/run-eval.ts'
import { summarise, type EvalSummary } from '../../evaluation/run/summarise.ts'
import { summaryText } from '../../evaluation/run/summary-tables.ts'
import { evalFailuresPath, hasPlan, readPlan } from '../../evaluation/run/eval-folder.ts'
import { QueueExecutor } from '../../queue/queue-executor.ts'
import { queuedEval } from '../../queue/queued-eval.ts'
import { downloadStopped, showDownload } from '../download-progress.ts'
import { chooseEval, planEval, type EvalGrid } from '../eval-grid.ts'
import { addEvalOptions, checkEvalFlags, metricsOf, type EvalFlags } from '../eval-options.ts'
import { writeSummary } from '../eval-output.ts'
import { firstPrompts, whatIsPlanned } from '../eval-plan-text.ts'
import { sayWhatFailed } from '../failed-jobs.ts'
import { interruptedText, onInterrupt } from '../interrupt.ts'
import { LoadProgress, sayGpuProblem } from '../load-progress.ts'
import { packageVersion } from '../package-version.ts'
import { printable } from '../printable.ts'
import { ProgressLine } from '../progress-line.ts'
import { openQueueClient, type QueueClient } from '../queue-client.ts'
import { templateOptions } from '../template-options.ts'
import { toStdout, type Write } from '../write.ts'
import { evalMergeCommand } from './eval-merge.ts'
import { evalSummaryCommand } from './eval-summary.ts'

type Say = (text: string) => void

const withoutPredictor =
  'There is no importance predictor for this model, so dynts is not among the policies. dynts fit trains one (docs/training.md).'

export function evalCommand(): Command {
  const command = new Command('eval').description('Measure policies on tasks: accuracy, cost, replay loss')
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
  const templates = templateOptions(flags)
  using interrupt = onInterrupt()
  const { signal } = interrupt
  const progress = new ProgressLine(process.stderr, 'samples')
  const say: Say = (text) => progress.say(text)
  await using grader = new Grader()
  let model: Model | undefined
  let queue: QueueClient | undefined
  let isEnded = false
  try {
    if (flags.queue !== undefined && flags.dryRun !== true) {
      const runFile = join(choice.output, 'queue.json')
      queue = await openQueueClient(flags.queue, { runFile, resume: flags.resume, progress })
    }
    const prepared = await prepare(flags, choice, templates, signal)
    if (!prepared) {
      say(downloadStopped)
      return undefined
    }
    const { located, grid } = prepared
    const held = flags.resume ? heldTasks(choice.output, grid.plan) : []
    const where = { parallel: queue ? undefined : grid.parallel, shard: flags.shard, output: choice.output, held }
    const planned = whatIsPlanned(located, grid.plan, where)
    if (flags.dryRun === true) {
      printDryRun(grid.plan, planned, flags, write)
      return undefined
    }
    if (!isPart) for (const line of planned) say(line)
    if (!choice.policies && !located.predictor) say(withoutPredictor)
    model = await load(located, flags, signal, say)
    const identity = { model: grid.plan.model, predictor: grid.plan.predictor, template: grid.plan.template }
    const asked = { reference: flags.model, predictor: flags.predictor, template: located.template, identity }
    const run = await runEval({
      ...{ model, grader, signal, shard: flags.shard, resume: flags.resume, folder: choice.output },
      ...grid,
      identity,
      maxFailures: flags.maxFailures,
      executor: queue && new QueueExecutor(queue.jobs, queuedEval(asked)),
      versions: { dynts: packageVersion() },
      onProgress: showProgress(progress, isPart ? undefined : choice.output, queue),
      onNote: say,
    })
    progress.stop()
    isEnded = !run.interrupted
    if (run.interrupted) say(interruptedText(flags))
    await print(run, grid.plan, flags, { output: choice.output, grader, say, write })
    sayWhatFailed({ failed: run.failedNow, skipped: run.skippedNow }, evalFailuresPath(choice.output), say)
    return run.interrupted ? undefined : run
  } catch (error) {
    progress.stop()
    if (!signal.aborted) throw error
    say(interruptedText(flags))
    return undefined
  } finally {
    // Both are begun: what is left open would keep the process alive.
    await Promise.all([model?.close(), queue?.jobs.close(isEnded)])
  }
}

/** Tasks of a folder that are not of this run. @throws InputError `plan_differs` if the run cannot be added to it */
function heldTasks(folder: string, plan: EvalPlan): string[] {
  if (!hasPlan(folder)) return []
  const names = extendPlan(readPlan(folder), plan, folder).tasks.map(({ name }) => name)
  return names.filter((name) => !plan.tasks.some((task) => task.name === name))
}

function printDryRun(plan: EvalPlan, planned: readonly string[], { json }: EvalFlags, write: Write): void {
  const text = [...planned, ...firstPrompts(plan)].join('\n')
  const record = { ...plan, schema: 'dynts.eval.dry-run/1', plan: plan.schema }
  write(json === true ? JSON.stringify(record, null, 2) : printable(text))
}

/** Undefined: a download was interrupted. */
async function prepare(
  flags: EvalFlags,
  choice: ReturnType<typeof chooseEval>,
  templates: TemplateOptions,
  signal: AbortSignal,
): Promise<{ readonly located: LocatedModel; readonly grid: EvalGrid } | undefined> {
  const display = showDownload(process.stderr)
  const onDownload = display.onProgress
  try {
    const predictor = flags.predictor === 'none' ? false : flags.predictor
    const { calibration, offline } = flags
    const located = await locateModel(flags.model, {
      predictor,
      calibration,
      ...templates,
      offline,
      signal,
      onDownload,
    })
    return { located, grid: await planEval(flags, choice, located, { signal, onDownload }) }
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    display.stop()
  }
}

async function load(located: LocatedModel, flags: EvalFlags, signal: AbortSignal, say: Say): Promise<Model> {
  const progress = new LoadProgress(say)
  const { onTrial, onProgress } = progress
  const { gpu, gpuLayers, threads } = flags
  // What workers carry out needs no weights here.
  const vocabularyOnly = flags.queue !== undefined
  try {
    const model = await loadLocated(located, { gpu, gpuLayers, threads, vocabularyOnly, signal, onTrial, onProgress })
    sayGpuProblem(model, say)
    return model
  } finally {
    progress.stop()
  }
}

function showProgress(
  progress: ProgressLine,
  output: string | undefined,
  queue: QueueClient | undefined,
): (now: EvalProgress) => void {
  let start: number | undefined
  return ({ done, total, tokens, label }) => {
    if (output !== undefined && start === undefined && done > 0)
      progress.say(`${done} of ${total} samples are in ${output} already`)
    start ??= performance.now()
    const rate = tokens > 0 ? `${Math.round(tokens / ((performance.now() - start) / 1000))} tokens/s` : ''
    progress.update(done, total, [queue?.note() ?? label, rate].filter((part) => part !== '').join(', '))
  }
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
  if (flags.json === true) write(JSON.stringify(runJson(run, flags, output, summary), null, 2))
  else if (summary) write(summaryText(summary))
  else write(`${output}: ${run.done} of ${run.total} samples`)
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
