/** `dynts analyze pareto`: how rightly the model answers from a part of its thinking. */
import { Command } from 'commander'
import { selections } from '../../analysis/pareto/kept-tokens.ts'
import { paretoCsv } from '../../analysis/pareto/pareto-csv.ts'
import { readParetoTraces, type ParetoTraces } from '../../analysis/pareto/pareto-traces.ts'
import { ThinkingScorer } from '../../analysis/pareto/predicted-scores.ts'
import { publishedPareto } from '../../analysis/pareto/published-pareto.ts'
import { paretoFailuresPath, runPareto, type ParetoRun } from '../../analysis/pareto/run-pareto.ts'
import { readPareto } from '../../analysis/pareto/summarise-pareto.ts'
import { fingerprint, type LocatedModel, type TemplateOptions } from '../../engine/locate-model.ts'
import { defined } from '../../defined.ts'
import { InputError } from '../../errors.ts'
import { identify } from '../../evaluation/run/identity.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { defaultThreads, loadLibrary } from '../../llama/index.ts'
import { cacheBound } from '../../models/cache-bound.ts'
import { formatMemoryPlan } from '../../models/memory-plan.ts'
import { readCheckpoint } from '../../predictor/index.ts'
import { QueueExecutor } from '../../queue/queue-executor.ts'
import { queuedAnswers } from '../../queue/queued-answers.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import { givenTags } from '../../traces/kept-traces.ts'
import { counted } from '../output/counted.ts'
import { sayWhatFailed } from '../output/failed-jobs.ts'
import { findModel } from '../find-model.ts'
import { interruptedText, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { leftOutLines } from '../trace/left-out-traces.ts'
import { loadModel } from '../output/load-progress.ts'
import { modelTitle } from '../options/model-option.ts'
import { packageVersion } from '../package-version.ts'
import {
  addParetoOptions,
  checkParetoFlags,
  defaultParallel,
  paretoOutput,
  type ParetoFlags,
} from '../analyze/pareto-options.ts'
import { paretoText } from '../analyze/pareto-text.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { openQueueClient, type QueueClient } from '../queue-client.ts'
import { checkReplaceable } from '../output/replaceable.ts'
import { runProgress } from '../output/run-progress.ts'
import { templateOptions } from '../options/template-options.ts'
import { samplingOf } from '../trace/trace-sampling.ts'
import { toStderr, writeResult, type Say } from '../output/write.ts'

export function analyzeParetoCommand(): Command {
  const command = new Command('pareto').description('How rightly the model answers from a part of its thinking')
  return addParetoOptions(command).action((folder: string, flags: ParetoFlags) => analyzePareto(folder, flags))
}

async function analyzePareto(folder: string, flags: ParetoFlags): Promise<void> {
  checkParetoFlags(flags)
  using store = ImportanceStore.open(folder)
  if (flags.csv !== undefined) checkReplaceable(flags.csv, 'csv', '--csv')
  using signal = onInterrupt()
  const given = templateOptions(flags)
  const isGiven = Object.keys(given).length > 0
  const located = await findModel(flags, signal, isGiven ? given : ofTraces(flags))
  if (!located) return
  checkThatItFits(located, flags)
  using progress = new ProgressLine(process.stderr, 'answers')
  const say: Say = (text) => progress.say(text)
  const traces = await untilInterrupted(signal, () => tracesOf(located, store, flags, isGiven, signal))
  if (!traces || signal.aborted) return void toStderr(interruptedText(flags))
  sayWhatIsLeftOut(traces, say)
  await using queue = await openQueueClient(flags, `${paretoOutput(flags)}.queue.json`, progress)
  const run = await untilInterrupted(signal, () => answer({ located, traces, flags, signal, progress, queue }))
  progress.stop()
  if (queue) queue.isComplete = run?.interrupted === false
  if (!run || run.interrupted) return void toStderr(interruptedText(flags))
  tell(run, modelTitle(located.info), folder, flags)
  sayWhatFailed(run, paretoFailuresPath(paretoOutput(flags)), say)
}

/** The tags that the traces say. */
function ofTraces({ traces }: ParetoFlags): TemplateOptions {
  return defined({ thinkingTags: givenTags(traces) })
}

/** Workers generate with the model alone. */
async function queueExecutor({ jobs }: QueueClient, located: LocatedModel, { model, kvType }: ParetoFlags) {
  const identity = { ...(await identify(located)), predictor: null }
  const asked = { reference: model, predictor: undefined, template: located.template, identity }
  return new QueueExecutor(jobs, queuedAnswers(asked, kvType))
}

/** @throws InputError `missing_predictor`, `model_not_evictable` */
function checkThatItFits({ info, predictor }: LocatedModel, { keep, reading }: ParetoFlags): void {
  if (keep?.includes('predicted') === true && !predictor) {
    throw new InputError(
      'missing_predictor',
      '--keep predicted needs an importance predictor that was trained for this model: give --predictor FILE, or train one with dynts fit',
    )
  }
  const { impossible } = cacheBound(info)
  if (impossible === undefined || !reading.includes('cells')) return
  throw new InputError(
    'model_not_evictable',
    `cells of this model's cache cannot leave it: ${impossible}. Use --reading text`,
  )
}

/** What is kept, in the order of tables. */
function selectionsOf({ predictor }: LocatedModel, { keep }: ParetoFlags) {
  return selections.filter((name) => keep?.includes(name) ?? (name !== 'predicted' || predictor !== undefined))
}

async function tracesOf(
  located: LocatedModel,
  store: ImportanceStore,
  flags: ParetoFlags,
  /** Whether the template or the tags were given: they have to be those of the traces. */
  isGiven: boolean,
  signal: AbortSignal,
): Promise<ParetoTraces> {
  const { traces, limit } = flags
  const { info } = located
  using progress = new ProgressLine(process.stderr, 'traces')
  const total = Math.min(store.records.length, limit ?? Infinity)
  using scorer = selectionsOf(located, flags).includes('predicted') ? await scorerOf(located, flags) : undefined
  return await readParetoTraces({
    ...{ traces, store, limit, scorer, signal },
    model: fingerprint(info),
    trainedContext: info.trainedContext,
    template: isGiven ? located.template : undefined,
    onTrace: (done) => progress.update(done, total),
    onUnmatched: (unmatched) => {
      for (const line of leftOutLines(unmatched, traces, store.folder)) progress.say(line)
    },
  })
}

async function scorerOf({ predictor }: LocatedModel, { gpu, threads }: ParetoFlags): Promise<ThinkingScorer> {
  const checkpoint = await readCheckpoint(predictor?.path ?? '')
  return new ThinkingScorer(loadLibrary(gpu), checkpoint, threads ?? defaultThreads(Infinity))
}

function sayWhatIsLeftOut({ traces, withoutAnswer, tooLong }: ParetoTraces, say: Say): void {
  if (withoutAnswer > 0) say(`${counted(withoutAnswer, 'trace')} left out: no answer is known to grade others by`)
  if (tooLong > 0) say(`${counted(tooLong, 'trace')} left out: nothing fits behind the thinking`)
  if (traces.length === 0) throw new InputError('no_traces', 'There is no trace left to answer.')
}

interface Answering {
  readonly located: LocatedModel
  readonly traces: ParetoTraces
  readonly flags: ParetoFlags
  readonly signal: AbortSignal
  readonly progress: ProgressLine
  readonly queue: QueueClient | undefined
}

async function answer({ located, traces: { traces }, flags, signal, progress, queue }: Answering): Promise<ParetoRun> {
  const { samples, seed, maxTokens, kvType, parallel = defaultParallel, resume, maxFailures } = flags
  const output = paretoOutput(flags)
  await using grader = new Grader()
  const show = runProgress(progress, 'answers', output)
  return await runPareto({
    load: () => loadModel(located, flags, { signal, say: (text) => progress.say(text) }),
    executor: queue && (await queueExecutor(queue, located, flags)),
    info: located.info,
    thinkingTags: located.thinkingTags,
    selections: selectionsOf(located, flags),
    sampling: samplingOf(flags),
    ...{ traces, readings: flags.reading, percents: flags.percent, samples, seed, maxTokens, kvType },
    ...{ parallel, output, resume, maxFailures },
    ...{ grader, signal },
    versions: { dynts: packageVersion() },
    onPlan: (plan, sequences) =>
      [modelTitle(located.info), formatMemoryPlan(plan, sequences)].forEach((line) => progress.say(line)),
    onProgress: (now) => show(now, (rate) => [rate, queue?.note() ?? '']),
    onNote: (text) => progress.say(text),
  })
}

function tell({ answered, total, keys }: ParetoRun, title: string, importance: string, flags: ParetoFlags): void {
  const output = paretoOutput(flags)
  const { summary, others } = readPareto(output, keys)
  if (!summary) throw new InputError('no_answers', `${output} holds no answer: all failed.`)
  if (flags.csv !== undefined) writeFileAtomic(flags.csv, paretoCsv(summary), { option: '--csv' })
  const { traces, seed } = flags
  const record = {
    schema: 'dynts.analyze.pareto/1',
    ...{ output, importance, answered, total },
    ...summary,
    settings: { traces, ...summary.settings },
    seed,
    published: publishedPareto,
    versions: { dynts: packageVersion(), node: process.versions.node },
  }
  writeResult(flags, record, `${title}\n${paretoText(summary)}`)
  if (flags.json === true) return
  toStderr(`The answers are in ${output}, which dynts report takes.`)
  if (others > 0) toStderr(`It also has ${counted(others, 'answer')} of other runs, which dynts report shows too.`)
}
