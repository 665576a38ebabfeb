/**
 * `dynts fit`: from a model and a file of questions, a task, or a file of traces to a predictor: trace, importance and train, one after the other, with the
 * options of all three.
 */
import { copyFileSync, existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { defined } from '../../defined.ts'
import { defaultScoredPolicy } from '../../engine/cache-settings.ts'
import { EngineError, InputError } from '../../errors.ts'
import { loadLibrary } from '../../llama/index.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import { moveToBackup } from '../../records/backup.ts'
import { readCheckpoint, writeCheckpoint } from '../../predictor/index.ts'
import { readRecords } from '../../records/read-records.ts'
import { traceRecords } from '../../traces/trace-record.ts'
import { checkEnoughTraces } from '../../training/dataset.ts'
import { findModelFile } from '../find-model.ts'
import { addImportanceOptions, labelOf, type ImportanceFlags } from '../train/importance-options.ts'
import { interruptedText, onInterrupt } from '../interrupt.ts'
import { fitForecast } from '../train/fit-forecast.ts'
import { replayHeldOut } from '../train/held-out-replay.ts'
import type { HeldOutResult } from '../train/held-out-verdict.ts'
import { checkWhole, number } from '../options/option-values.ts'
import { packageVersion } from '../package-version.ts'
import {
  addRecommendationOptions,
  checkPredictorOutput,
  predictorPathOf,
  recommendationOf,
  type Recommendation,
} from '../train/predictor-file.ts'
import {
  addTraceOptions,
  checkTraceFlags,
  checkTraceSource,
  sourceName,
  type TraceFlags,
} from '../trace/trace-options.ts'
import { addTrainOptions, trainSettingsOf, type TrainFlags } from '../train/train-options.ts'
import { toStderr as say, toStdout, type Write } from '../output/write.ts'
import { importance } from './importance.ts'
import { trace } from './trace.ts'
import { train } from './train.ts'

interface FitFlags extends TraceFlags, Omit<ImportanceFlags, 'kvType'>, TrainFlags {
  readonly model: string
  readonly threads?: number
  readonly kvType: ImportanceFlags['kvType']
  readonly gpu: TraceFlags['gpu']
  readonly work?: string
  readonly seed: number
  readonly replayTraces: number
}

const tracesName = 'traces.jsonl'
const importanceName = 'importance'
/** In the work folder: as it was trained, and with what the held-out traces recommend. */
const trainedName = 'model.predictor.gguf'
const recommendingName = 'recommending.predictor.gguf'

/** What one command hands to the next, and how a command of its own ends. */
const notForFit = ['--traces', '--importance', '--output', '--json', '--resume', '--no-resume', '--queue']

export function fitCommand(): Command {
  const command = new Command('fit')
    .option('-o, --output <file>', 'predictor to write (default: beside the model, else in the cache folder)')
    .option(
      '--work <folder>',
      'traces, importance and the state (default: the name of the questions, task or traces, ending in .fit)',
    )
    .option(
      '--replay-traces <n>',
      'held-out traces that are replayed at the end, to recommend settings and to show what the predictor is worth; 0: none',
      number,
      8,
    )
    .option('--resume', 'go on with what the work folder holds (the default)', true)
    .option('--no-resume', 'put what it holds aside and begin anew')
    .option('--json', 'print one JSON object')
  addRecommendationOptions(command, `${defaultScoredPolicy} or dynts, whichever is better on the held-out traces`)
  addSharedOptions(command)
  return command.action((flags: FitFlags) => {
    checkTraceSource(flags, command, { measures: true })
    return fit(flags)
  })
}

/** The options of the three commands; one that several have is one option here. */
function addSharedOptions(command: Command): void {
  const parts = [addTraceOptions(new Command()), addImportanceOptions(new Command()), addTrainOptions(new Command())]
  // The format that all of them know comes first.
  const options = parts.flatMap((part) => part.options).filter(({ long }) => !notForFit.includes(long ?? ''))
  const narrowest = parts[1]?.options.find(({ long }) => long === '--kv-type')
  for (const option of options) {
    const taken = command.options.some(({ long }) => long === option.long)
    if (!taken) command.addOption(option.long === '--kv-type' && narrowest ? narrowest : option)
  }
}

async function fit(flags: FitFlags): Promise<void> {
  const json: unknown[] = []
  const write = flags.json === true ? (text: string) => void json.push(JSON.parse(text)) : toStdout
  const work = flags.work ?? `${sourceName(flags)}.fit`
  const trained = join(work, trainedName)
  // Each step listens as well; this one knows of a Ctrl-C that came when a step had just ended.
  using signal = onInterrupt()
  checkFlags(flags)
  const place = await placeOf(flags, work, signal)
  if (!place) return
  const steps = { ...flags, work, trained, signal, write }
  const finished = await threeSteps(steps).catch((error: unknown) => {
    throw inFit(error)
  })
  if (!finished) return
  const { output, isOwn } = place
  if (!isOwn && !(await isSame(output, trained))) moveToBackup(output)
  writeFileAtomic(output, (partial) => copyFileSync(trained, partial))
  if (flags.replayTraces > 0) {
    const result = await replayOnHeldOut(steps)
    if (!result) return
    const recommending = join(work, recommendingName)
    const checkpoint = { ...(await readCheckpoint(trained)), ...result.recommended }
    writeFileAtomic(recommending, (partial) => writeCheckpoint(loadLibrary('off'), partial, checkpoint))
    writeFileAtomic(output, (partial) => copyFileSync(recommending, partial))
    for (const line of result.lines) say(line)
  }
  say(`\nThe predictor is ${output}.`)
  if (flags.json !== true) return
  const [trace_, importance_, train_, heldOut] = json
  const record = {
    schema: 'dynts.fit/1',
    predictor: output,
    work,
    trace: trace_,
    importance: importance_,
    train: train_,
    heldOut: heldOut ?? null,
    recommended: await recommendedBy(output),
    seed: flags.seed,
    versions: { dynts: packageVersion() },
  }
  toStdout(JSON.stringify(record, null, 2))
}

interface Steps extends FitFlags {
  readonly work: string
  readonly trained: string
  readonly signal: AbortSignal
  readonly write: Write
}

/** Returns false if it was interrupted. */
async function threeSteps({ work, trained, signal, write, ...flags }: Steps): Promise<boolean> {
  const isLate = () => {
    if (signal.aborted) say(interruptedText(flags))
    return signal.aborted
  }
  begin(1, 'traces')
  const traced = await trace({ ...flags, output: join(work, tracesName) }, write)
  if (!traced || isLate()) return false
  checkKept(traced.output, flags)
  begin(2, 'importance')
  const folder = join(work, importanceName)
  const forecast = fitForecast(traced.output, flags)
  const measured = await importance({ ...flags, traces: traced.output, output: folder }, write, forecast)
  if (measured === undefined || isLate()) return false
  begin(3, 'training')
  // Its reports and its state stay in the work folder.
  if (!flags.resume) putPredictorAside(work)
  return await trainAnewIfNeeded({ ...flags, importance: folder, output: trained }, work, write)
}

async function replayOnHeldOut({ work, trained, write, ...flags }: Steps): Promise<HeldOutResult | undefined> {
  begin(4, 'held-out traces')
  return await replayHeldOut({
    flags,
    traces: join(work, tracesName),
    importance: join(work, importanceName),
    settings: trainSettingsOf(flags),
    predictor: trained,
    given: recommendationOf(flags),
    work,
    write,
  })
}

async function recommendedBy(path: string): Promise<Recommendation> {
  const { policy, diversity, budget, localWindow, ratio, evictEvery } = await readCheckpoint(path)
  return defined({ policy, diversity, budget, localWindow, ratio, evictEvery })
}

/** A training cannot go on with other traces or other options, but what took long is not lost with it. */
async function trainAnewIfNeeded(flags: TrainFlags, work: string, write: Write): Promise<boolean> {
  try {
    return await train(flags, write)
  } catch (error) {
    if (!flags.resume || !(error instanceof InputError) || error.code !== 'other_training') throw error
    say(
      'The traces or the options of the training are not those of last time: it begins anew, the old one is put aside.',
    )
    putPredictorAside(work)
    return await train({ ...flags, resume: false }, write)
  }
}

function putPredictorAside(work: string): void {
  for (const name of [trainedName, recommendingName]) moveToBackup(join(work, name))
}

/** Importance takes long, so it is not measured for traces that are too few to train on. */
function checkKept(traces: string, { minTraces: least, given, task }: FitFlags): void {
  const kept = []
  for (const { outcome, question } of readRecords(traces, traceRecords)) if (outcome === 'kept') kept.push({ question })
  const asked = task === undefined ? '--questions' : '--limit'
  checkEnoughTraces(
    kept,
    least,
    `give more ${given === undefined ? `${asked} or --samples` : 'traces'} (${traces} says why others were dropped)`,
  )
}

/** What is wrong with the last step's options should not come out after hours of the first. */
function checkFlags(flags: FitFlags): void {
  checkTraceFlags(flags)
  checkWhole('--tokens-per-trace', flags.tokensPerTrace, 1, 2 ** 31 - 1)
  checkWhole('--replay-traces', flags.replayTraces, 0)
  trainSettingsOf(flags)
  recommendationOf(flags)
  labelOf(flags)
}

interface Place {
  readonly output: string
  /** Whether an earlier run of this command has written what is there. */
  readonly isOwn: boolean
}

/** Where the predictor will be. Undefined: the download of the model was interrupted. */
async function placeOf(flags: FitFlags, work: string, signal: AbortSignal): Promise<Place | undefined> {
  const output = flags.output ?? (await besideModel(flags, signal))
  if (output === undefined) return undefined
  const isOwn = !existsSync(output) || (await isOneOf(output, work))
  await checkPredictorOutput(output, flags.force === true || (flags.resume && isOwn))
  return { output, isOwn }
}

async function besideModel(flags: FitFlags, signal: AbortSignal): Promise<string | undefined> {
  const found = await findModelFile(flags, signal)
  return found && (await predictorPathOf(found.path))
}

/** Whether a predictor is a copy of one in the work folder, those that were put aside included. */
async function isOneOf(path: string, work: string): Promise<boolean> {
  const names = await readdir(work).catch(() => [])
  const made = names.filter((name) => name.startsWith(trainedName) || name.startsWith(recommendingName))
  const same = await Promise.all(made.map((name) => isSame(path, join(work, name))))
  return same.includes(true)
}

async function isSame(path: string, other: string): Promise<boolean> {
  try {
    return (await readFile(path)).equals(await readFile(other))
  } catch {
    return false
  }
}

/** The commands' messages name their own options. */
function inFit(error: unknown): unknown {
  if (!(error instanceof InputError || error instanceof EngineError)) return error
  const message = error.message.replaceAll('another `output`', 'another `work`')
  const { code } = error
  const options = { cause: error }
  return error instanceof InputError ? new InputError(code, message, options) : new EngineError(code, message, options)
}

function begin(step: number, what: string): void {
  say(`\n${step}: ${what}`)
}
