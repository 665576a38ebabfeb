/**
 * `dynts train`: an importance predictor from measured importance. Loads no model.
 */
import { Command } from 'commander'
import { fingerprint } from '../../engine/locate-model.ts'
import { EngineError, InputError } from '../../errors.ts'
import { defaultThreads, loadLibrary, type LlamaLibrary } from '../../llama/index.ts'
import { inspectGguf } from '../../models/gguf-file.ts'
import { mismatch, writeCheckpoint } from '../../predictor/index.ts'
import { withFileLock, type WriteLock } from '../../records/file-lock.ts'
import { moveToBackup } from '../../records/backup.ts'
import { ImportanceStore } from '../../traces/importance-store.ts'
import type { TrainingSettings } from '../../training/settings.ts'
import { trainPredictor, type TrainingResult } from '../../training/train-predictor.ts'
import type { TrainingProblem } from '../../training/verdict.ts'
import { trainingCurves, trainingRecord } from '../../training/training-report.ts'
import { findModelFile } from '../find-model.ts'
import { interruptedText, onInterrupt } from '../interrupt.ts'
import { packageVersion } from '../package-version.ts'
import { checkOutputFolder } from '../output/made-file.ts'
import { recommendationOf, type Recommendation } from '../train/predictor-file.ts'
import { addTrainOptions, trainSettingsOf, type TrainFlags } from '../train/train-options.ts'
import { TrainOutput } from '../train/train-output.ts'
import { TrainView, trainingSummary } from '../train/train-view.ts'
import { toStderr, toStdout, writeResult, type Write } from '../output/write.ts'

/** A holder on another machine touches its lock after each micro-batch, which takes less. */
const staleLockMs = 30 * 60_000

interface TrainRun {
  readonly flags: TrainFlags
  readonly settings: TrainingSettings
  readonly recommendation: Recommendation
  readonly library: LlamaLibrary
  readonly store: ImportanceStore
  readonly output: TrainOutput
  readonly lock: WriteLock
  readonly signal: AbortSignal
  readonly write: Write
}

export function trainCommand(): Command {
  const command = new Command('train')
  return addTrainOptions(command).action(async (flags: TrainFlags) => {
    await train(flags)
  })
}

/**
 * Trains, writes the files and tells the result.
 * @param write gets the summary, or the JSON object
 * @returns false if it was interrupted
 */
export async function train(flags: TrainFlags, write = toStdout): Promise<boolean> {
  const settings = trainSettingsOf(flags)
  const recommendation = recommendationOf(flags)
  using signal = onInterrupt()
  using store = ImportanceStore.open(flags.importance)
  const { model } = flags
  let modelPath: string | undefined
  if (model !== undefined) {
    const found = await findModelFile({ ...flags, model }, signal)
    if (!found) return false
    modelPath = found.path
    await checkFits(modelPath, store)
  }
  const output = await TrainOutput.of({ output: flags.output, model: modelPath, importance: flags.importance })
  checkOutputFolder(output.predictor)
  const onWait = () => toStderr(`Another dynts is training ${output.predictor}: waiting for it.`)
  try {
    await withFileLock(output.lock, { signal, onWait, staleMs: staleLockMs }, async (lock) => {
      await output.check(flags.force === true, flags.resume)
      if (!flags.resume) moveToBackup(output.state)
      const library = loadLibrary(flags.gpu)
      await trainAndWrite({ flags, settings, recommendation, library, store, output, lock, signal, write })
    })
    return true
  } catch (error) {
    // A state that could not be saved must not be taken for one that was.
    if (!signal.aborted || (error as Error).name !== 'AbortError') throw error
    toStderr(interruptedText(flags))
    return false
  }
}

/** @throws InputError `predictor_mismatch` for a model that the traces are not of */
async function checkFits(path: string, { manifest }: ImportanceStore): Promise<void> {
  const why = mismatch(manifest.model, fingerprint(await inspectGguf(path)))
  if (why !== undefined) throw new InputError('predictor_mismatch', `The predictor would not fit ${path}: ${why}.`)
}

async function trainAndWrite(run: TrainRun): Promise<void> {
  const { flags, settings, library, store, output, lock, signal } = run
  const view = new TrainView(process.stderr, settings)
  const result = await trainPredictor({
    library,
    source: store,
    settings,
    stateFolder: output.state,
    lock,
    minTraces: flags.minTraces,
    checkpointSeconds: flags.checkpointSeconds,
    checkpointSteps: flags.checkpointSteps,
    threads: flags.threads ?? defaultThreads(Infinity),
    gpu: library.backend !== 'cpu',
    signal,
    onPlan: (plan) => view.plan(plan),
    onProgress: (traces, total, step) => view.progress(traces, total, step),
    onEpoch: (entry) => view.epoch(entry),
  }).finally(() => view.stop())
  const throughput = await output.keepThroughput(result.throughput, lock)
  await writeFiles(run, { ...result, throughput })
}

/** @throws EngineError `training_diverged`, `useless_predictor`: such a predictor is only written when that is asked for */
async function writeFiles(run: TrainRun, result: TrainingResult): Promise<void> {
  const { flags, settings, recommendation, library, store, output, lock } = run
  const { best, problem } = result
  const ships = best !== undefined && (problem === undefined || flags.force === true)
  if (ships) {
    const { target } = settings
    const { entry, matrices } = best
    const { model, label } = store.manifest
    const checkpoint = { matrices, target, label, model, ...recommendation, heldOut: entry.heldOut }
    const write = (path: string) => writeCheckpoint(library, path, checkpoint)
    // A good predictor is not lost to a bad one, whatever --force says.
    output.writePredictor(write, problem !== undefined, lock)
  }
  const versions = { dynts: packageVersion(), llamaCpp: library.release }
  const record = { ...trainingRecord(result, store, settings, versions), predictor: ships ? output.predictor : null }
  const curves = await trainingCurves(`Training of a predictor for ${store.manifest.model.name}`, result.history)
  const reports = output.writeReport(record, curves, ships, lock)
  if (problem && !ships)
    throw failure(problem, `${output.predictor} was not written. Its numbers: ${reports.join(', ')}`)
  if (problem) toStderr(failure(problem, 'It was written all the same (--force).').message)
  writeResult(flags, record, trainingSummary(result, [output.predictor, ...reports]), run.write)
}

function failure({ kind, why }: TrainingProblem, what: string): EngineError {
  return kind === 'diverged'
    ? new EngineError(
        'training_diverged',
        `The training diverged: ${why}. Try a lower --learning-rate, with --no-resume. ${what}`,
      )
    : new EngineError(
        'useless_predictor',
        `The predictor is of no use: ${why}. More traces or more --epochs may help. ${what}`,
      )
}
