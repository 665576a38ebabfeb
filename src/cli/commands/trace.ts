/**
 * `dynts trace`: samples reasoning traces for a file of questions or a task, from the model here or from another server, or takes those of a
 * file, and keeps those that a predictor can learn from.
 */
import { Command } from 'commander'
import type { LocatedModel } from '../../engine/locate-model.ts'
import type { Model } from '../../engine/model.ts'
import { Grader } from '../../evaluation/grading/grader.ts'
import { formatMemoryPlan } from '../../models/memory-plan.ts'
import { identify } from '../../evaluation/run/identity.ts'
import { QueueExecutor } from '../../queue/queue-executor.ts'
import { queuedSamples } from '../../queue/queued-samples.ts'
import type { RemoteExecutor } from '../../traces/remote-executor.ts'
import type { TraceExecutor } from '../../traces/trace-job.ts'
import type { TraceQuestion } from '../../traces/trace-question.ts'
import { traceFailuresPath } from '../../traces/trace-failure.ts'
import { sampleTraces, type TraceSummary } from '../../traces/sample-traces.ts'
import { counted } from '../output/counted.ts'
import { sayWhatFailed } from '../output/failed-jobs.ts'
import { findModel, whileDownloading } from '../find-model.ts'
import { FirstEstimate } from '../train/first-estimate.ts'
import { askedQuestions } from '../trace/asked-questions.ts'
import { importGiven } from '../trace/given-traces.ts'
import { interruptedText, onInterrupt, untilInterrupted } from '../interrupt.ts'
import { loadModel } from '../output/load-progress.ts'
import { shellWord } from '../message-line.ts'
import { packageVersion } from '../package-version.ts'
import { ProgressLine } from '../output/progress-line.ts'
import { openQueueClient, type QueueClient } from '../queue-client.ts'
import { runProgress } from '../output/run-progress.ts'
import {
  addTraceOptions,
  apiKeyOf,
  checkTraceCommand,
  checkTraceFlags,
  checkTraceSource,
  instructionOf,
  outputOf,
  type TraceFlags,
  defaultRetries,
  longestTimeout,
} from '../trace/trace-options.ts'
import { templateOptions } from '../options/template-options.ts'
import { samplingOf } from '../trace/trace-sampling.ts'
import { traceRecordOf, traceSummary, whatIsKnown } from '../trace/trace-summary.ts'
import { toStderr, toStdout, writeResult, type Say, type Write } from '../output/write.ts'

/** Many requests fail together; one line tells enough. */
const retryLineEveryMs = 5000

export function traceCommand(): Command {
  const command = new Command('trace')
  return addTraceOptions(command).action(async (flags: TraceFlags) => {
    checkTraceSource(flags, command, { measures: false })
    checkTraceCommand(flags)
    const summary = await trace(flags)
    if (summary) sayWhatIsNext(summary, flags)
  })
}

/**
 * Samples, or records what is given, and tells the result.
 * @param write gets the summary, or the JSON object
 * @returns undefined if it was interrupted
 */
export async function trace(flags: TraceFlags, write = toStdout): Promise<Traced | undefined> {
  checkTraceFlags(flags)
  const { given } = flags
  if (given !== undefined) return await importGiven({ ...flags, given }, write)
  return await sampleAll(flags, write)
}

/** Of either kind. */
type Traced = Pick<TraceSummary, 'output' | 'kept'>

async function sampleAll(flags: TraceFlags, write: Write): Promise<TraceSummary | undefined> {
  const templates = templateOptions(flags)
  using signal = onInterrupt()
  const asked = await whileDownloading(signal, (onDownload) => askedQuestions(flags, { signal, onDownload }))
  if (!asked) return undefined
  const { questions, leftOut, source } = asked
  using progress = new ProgressLine(process.stderr, 'samples')
  const say: Say = (text) => progress.say(text)
  if (leftOut > 0) say(`${counted(leftOut, 'row')} without an answer left out`)
  await using queue = await openQueueClient(flags, `${outputOf(flags)}.queue.json`, progress)
  const located = await findModel({ ...flags, predictor: 'none' }, signal, templates)
  if (!located) return undefined
  for (const line of whatIsKnown(located, flags)) say(line)
  const { endpoint } = flags
  const summary = await untilInterrupted(signal, async () => {
    const remote = endpoint === undefined ? undefined : await connect(flags, endpoint, located, signal, say)
    const executor = queue ? await queueExecutor(queue, flags, located) : remote
    // What is sampled elsewhere needs no weights here.
    const vocabularyOnly = executor !== undefined
    await using model = await loadModel(located, flags, { signal, say, vocabularyOnly })
    const summary = await sample({ model, executor, questions, flags, signal, progress, queue })
    progress.stop()
    const record = traceRecordOf(summary, model, remote?.endpointModel, source, flags)
    writeResult(flags, record, traceSummary(summary).join('\n'), write)
    sayWhatFailed({ failed: summary.failedNow }, traceFailuresPath(summary.output), say)
    return summary
  })
  progress.stop()
  if (queue) queue.isComplete = summary?.interrupted === false
  if (summary?.interrupted === false) return summary
  say(interruptedText(flags))
  return undefined
}

/** Workers sample from the model itself. */
async function queueExecutor({ jobs }: QueueClient, flags: TraceFlags, located: LocatedModel): Promise<TraceExecutor> {
  const identity = await identify(located)
  const asked = { reference: flags.model, predictor: undefined, template: located.template, identity }
  return new QueueExecutor(jobs, queuedSamples(asked, flags.kvType))
}

async function connect(
  flags: TraceFlags,
  url: string,
  { thinkingTags }: LocatedModel,
  signal: AbortSignal,
  say: Say,
): Promise<RemoteExecutor> {
  let saidAt = -Infinity
  // Loaded when it is wanted: no other command should wait for the client.
  const { RemoteExecutor } = await import('../../traces/remote-executor.ts')
  const executor = await RemoteExecutor.connect({
    url,
    model: flags.endpointModel,
    apiKey: apiKeyOf(flags),
    parallel: flags.parallel ?? defaultParallel.remote,
    timeoutMs: (flags.requestTimeout ?? longestTimeout) * 1000,
    retries: flags.retries ?? defaultRetries,
    tags: thinkingTags,
    signal,
    onRetry: ({ reason, retry, retries, waitMs }) => {
      if (performance.now() - saidAt < retryLineEveryMs) return
      saidAt = performance.now()
      say(`${url}: ${reason}; again in ${(waitMs / 1000).toFixed(1)} s (${retry} of ${retries})`)
    },
  })
  say(`sampling from ${executor.endpointModel} at ${url}, up to ${executor.parallel} requests at the same time`)
  return executor
}

const defaultParallel = { local: 4, remote: 8 }

interface Sampling {
  readonly model: Model
  readonly executor: TraceExecutor | undefined
  readonly questions: readonly TraceQuestion[]
  readonly flags: TraceFlags
  readonly signal: AbortSignal
  readonly progress: ProgressLine
  readonly queue: QueueClient | undefined
}

async function sample({ model, executor, questions, flags, signal, progress, queue }: Sampling): Promise<TraceSummary> {
  const { task, samples, maxTokens, maxLength, seed, resume, kvType, maxFailures } = flags
  const output = outputOf(flags)
  await using grader = new Grader()
  const show = runProgress(progress, 'samples', output)
  const parallel = flags.parallel ?? (executor ? defaultParallel.remote : defaultParallel.local)
  const estimate = new FirstEstimate(parallel === 1 ? 'sample' : `${parallel} samples`)
  let doneBefore = 0
  return await sampleTraces({
    ...{ model, executor, task, questions, samples, maxTokens, maxLength, seed, output, resume, kvType, maxFailures },
    ...{ grader, signal },
    sampling: samplingOf(flags),
    instruction: instructionOf(flags),
    parallel,
    versions: { dynts: packageVersion() },
    onNote: (text) => progress.say(text),
    onPlan: (plan, sequences) => progress.say(formatMemoryPlan(plan, sequences)),
    onProgress: (now) => {
      show(now, (rate) => [`${now.kept} kept`, rate, queue?.note() ?? ''])
      // What an earlier run has, and questions that are too long, took no time.
      if (now.tokens === 0) doneBefore = now.done
      const done = now.done - doneBefore
      // Of samples that run side by side, the first to end are the short ones.
      const line = estimate.at(done, now.total - doneBefore, done >= parallel)
      if (line !== undefined) progress.say(line)
    },
  })
}

function sayWhatIsNext({ kept, output }: Traced, { model }: TraceFlags): void {
  const text =
    kept === 0
      ? 'Nothing was kept, so there is nothing to learn from.'
      : `Next: dynts importance --model ${shellWord(model)} --traces ${shellWord(output)}`
  toStderr(text)
}
