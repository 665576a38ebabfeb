/**
 * Trains an importance predictor on stored hidden states (arXiv 2601.18383, section 4.1 and appendix C.2): epochs, held-out
 * figures, the best weights, and a state on the disk from which a killed training goes on to the same weights.
 */
import { checkFields } from '../check-shape.ts'
import { DenseTrainer, measureMatrixProduct, type LlamaLibrary } from '../llama/index.ts'
import { predictorShape, type WeightMatrix } from '../predictor/checkpoint.ts'
import { checkEnoughTraces, Dataset, digestOf, splitByQuestion, type Split, type TraceSource } from './dataset.ts'
import { evaluateTraces } from './evaluate-predictor.ts'
import { CheckpointClock, type CheckpointSettings } from './checkpoint-clock.ts'
import { initialWeights, predictorSizes } from './initial-weights.ts'
import { blockRows } from './row-blocks.ts'
import { batchOf, derivedSeed, learningRateAt, planBatches, shuffled, type BatchPlan } from './schedule.ts'
import type { TrainingSettings } from './settings.ts'
import { TrainingThroughput, type ThroughputFigures } from './throughput.ts'
import { trainBatch } from './train-batch.ts'
import type { WriteLock } from '../records/file-lock.ts'
import { checkSame, readState, writeState, type EpochEntry, type TrainingProgress } from './training-state.ts'
import { isBetterEpoch, problemOf, type TrainingProblem } from './verdict.ts'

export interface TrainOptions extends Partial<CheckpointSettings> {
  readonly library: LlamaLibrary
  readonly source: TraceSource
  readonly settings: TrainingSettings
  /** Where the state is kept; it goes on with what it finds there. It is written after each epoch, too. */
  readonly stateFolder: string
  /** Under which it is written. */
  readonly lock: WriteLock
  /** Traces without which training is refused. */
  readonly minTraces: number
  readonly threads: number
  readonly gpu?: boolean
  /** For how long the machine's rate is measured, before and after; default 0.1. */
  readonly measureSeconds?: number
  /** Ends the training; what it has done so far is in the state folder. */
  readonly signal?: AbortSignal | undefined
  /** Before the first step of this run. */
  readonly onPlan?: ((plan: TrainingPlan) => void) | undefined
  /** Traces that were trained on so far, by all runs, of those of all epochs. */
  readonly onProgress?: ((traces: number, total: number, step: number) => void) | undefined
  readonly onEpoch?: ((entry: EpochEntry) => void) | undefined
}

const optionFields = {
  ...{
    library: true,
    source: true,
    settings: true,
    stateFolder: true,
    lock: true,
    minTraces: true,
    threads: true,
    gpu: true,
  },
  ...{ checkpointSeconds: true, checkpointSteps: true, measureSeconds: true },
  ...{ signal: true, onPlan: true, onProgress: true, onEpoch: true },
} as const

export interface TrainingPlan extends BatchPlan {
  readonly split: Split
  /** d, 2d, d/2, 1 */
  readonly shape: readonly number[]
  /** Steps that an earlier run has taken. */
  readonly resumedAt: number
}

export interface TrainingResult {
  readonly plan: TrainingPlan
  /** Epoch 0 is before the first step. */
  readonly history: readonly EpochEntry[]
  /** The epoch of highest held-out Kendall's tau, and its weights; undefined if none came to its end. */
  readonly best: { readonly entry: EpochEntry; readonly matrices: readonly WeightMatrix[] } | undefined
  /** Why the predictor should not be used. */
  readonly problem: TrainingProblem | undefined
  /** Of this run; undefined if there was nothing left to train. */
  readonly throughput: ThroughputFigures | undefined
}

/** Purposes of seeds. */
const purpose = { weights: 1, order: 2, pairs: 3 }

/**
 * The weights kept are those of the epoch whose held-out Kendall's tau is highest, not whose MSE is lowest: eviction uses only
 * the order of the scores.
 *
 * The same settings and traces give the same weights to the last bit, also if it was killed and run again, on one machine and
 * back end. The number of threads may differ: every sum is computed by a single one.
 * @throws InputError `too_few_traces`, `invalid_importance`, `invalid_training_state`, `other_training`
 * @throws the signal's reason when it aborts
 */
export async function trainPredictor(options: TrainOptions): Promise<TrainingResult> {
  checkFields(options, optionFields, 'the options of trainPredictor')
  checkEnoughTraces(options.source.records, options.minTraces)
  using training = await Training.begin(options)
  return await training.run()
}

/** One run over a training, from where the last one stopped to its end. */
class Training implements Disposable {
  readonly #options: TrainOptions
  readonly #plan: TrainingPlan
  readonly #dataset: Dataset
  readonly #trainer: DenseTrainer
  readonly #throughput: TrainingThroughput
  #progress: TrainingProgress
  #best: readonly Float32Array[] | undefined
  readonly #clock: CheckpointClock

  static async begin(options: TrainOptions): Promise<Training> {
    const { source, settings, stateFolder, library, threads, gpu = false } = options
    const now = { settings, digest: digestOf(source), traces: source.records.length }
    const saved = await readState(stateFolder)
    if (saved) checkSame(stateFolder, saved.progress, now)
    const layers = initialWeights(
      predictorSizes(source.manifest.model.hiddenSize),
      derivedSeed(settings.seed, purpose.weights),
    )
    const { beta1, beta2, epsilon, weightDecay } = settings
    const optimizer = { beta1, beta2, epsilon, weightDecay }
    const trainer = DenseTrainer.create(library, { layers, threads, gpu, optimizer, blockRows })
    if (saved) trainer.restore(saved.trainer)
    const shape = predictorShape({ matrices: layers })
    const progress = saved?.progress ?? {
      version: 1,
      ...now,
      shape,
      step: 0,
      history: [],
      epochLoss: { sum: 0, traces: 0 },
      bestEpoch: null,
    }
    return new Training(options, trainer, progress, saved?.best)
  }

  private constructor(
    options: TrainOptions,
    trainer: DenseTrainer,
    progress: TrainingProgress,
    best: readonly Float32Array[] | undefined,
  ) {
    const { source, settings } = options
    this.#options = options
    this.#trainer = trainer
    this.#progress = progress
    this.#best = best
    this.#clock = new CheckpointClock({ ...options, checkpointSeconds: options.checkpointSeconds ?? 60 }, progress.step)
    this.#dataset = new Dataset(source, settings.target)
    const split = splitByQuestion(source.records, settings.validationShare, settings.seed)
    const batches = planBatches(split.training.length, settings)
    this.#plan = { ...batches, split, shape: progress.shape, resumedAt: progress.step }
    this.#throughput = new TrainingThroughput(progress.shape)
  }

  async run(): Promise<TrainingResult> {
    const { onPlan, library, gpu = false, threads, measureSeconds: seconds = 0.1 } = this.#options
    onPlan?.(this.#plan)
    const isFinished = this.#progress.step === this.#plan.steps
    const measure = () => measureMatrixProduct(library, { gpu, threads, seconds }).flopsPerSecond
    if (!isFinished) this.#throughput.machine(measure())
    const diverged = await this.#train()
    if (!isFinished) this.#throughput.machine(measure())
    return this.#result(diverged)
  }

  /** Returns why it had to stop early, if it had to. */
  async #train(): Promise<TrainingProblem | undefined> {
    const { steps, stepsPerEpoch } = this.#plan
    const { step: first } = this.#progress
    // Before the first evaluation, because that alone may take long.
    if (first < steps) this.#options.onProgress?.(this.#tracesDone, this.#tracesToDo, first)
    try {
      for (;;) {
        const { step, history } = this.#progress
        const epoch = step / stepsPerEpoch
        if (history.length <= epoch && Number.isInteger(epoch)) {
          await this.#evaluate(epoch)
          this.#save()
        }
        if (step === steps) return undefined
        const problem = await this.#takeStep()
        if (problem) return problem
        const isEpochEnd = this.#progress.step % stepsPerEpoch === 0
        if (!isEpochEnd && this.#clock.isDue(this.#progress.step)) this.#save()
      }
    } catch (error) {
      // An abort in mid-step leaves the weights and moments as they were before that step.
      if (this.#options.signal?.aborted === true && this.#clock.isBehind(this.#progress.step)) this.#save()
      throw error
    }
  }

  async #takeStep(): Promise<TrainingProblem | undefined> {
    const { settings, signal, onProgress } = this.#options
    const { step, epochLoss } = this.#progress
    const { split, stepsPerEpoch, steps } = this.#plan
    const epoch = Math.floor(step / stepsPerEpoch)
    let traces = this.#tracesDone
    const order = shuffled(split.training, derivedSeed(settings.seed, purpose.order, epoch))
    const batch = batchOf(order, step % stepsPerEpoch, stepsPerEpoch)
    const { mse, gradientNorm, rows } = await this.#throughput.time(() =>
      trainBatch(this.#trainer, this.#dataset, batch, {
        settings,
        learningRate: learningRateAt(step, steps, settings),
        seed: derivedSeed(settings.seed, purpose.pairs, step),
        signal,
        onTraces: (count) => onProgress?.((traces += count), this.#tracesToDo, step),
      }),
    )
    this.#throughput.add(rows)
    if (!Number.isFinite(mse) || !Number.isFinite(gradientNorm)) {
      const what = Number.isFinite(mse) ? `the gradient’s norm is ${gradientNorm}` : `the loss is ${mse}`
      return { kind: 'diverged', why: `at step ${step + 1} of ${steps} ${what}` }
    }
    this.#progress = {
      ...this.#progress,
      step: step + 1,
      epochLoss: { sum: epochLoss.sum + mse * batch.length, traces: epochLoss.traces + batch.length },
    }
    return undefined
  }

  get #tracesDone(): number {
    const epoch = Math.floor(this.#progress.step / this.#plan.stepsPerEpoch)
    return epoch * this.#plan.split.training.length + this.#progress.epochLoss.traces
  }

  get #tracesToDo(): number {
    return this.#options.settings.epochs * this.#plan.split.training.length
  }

  async #evaluate(epoch: number): Promise<void> {
    const { signal, onEpoch } = this.#options
    const score = (states: Uint16Array, rows: number) => this.#trainer.forward(states, rows)
    const { figures, spread } = await evaluateTraces(score, this.#dataset, this.#plan.split.heldOut, { signal })
    const { epochLoss, history, bestEpoch } = this.#progress
    const entry = {
      epoch,
      trainingMse: epochLoss.traces === 0 ? null : epochLoss.sum / epochLoss.traces,
      heldOut: figures,
      spread,
    }
    const best = history.find((each) => each.epoch === bestEpoch)
    const improved = epoch > 0 && isBetterEpoch(entry, best)
    if (improved) this.#best = this.#trainer.weights()
    this.#progress = {
      ...this.#progress,
      history: [...history, entry],
      epochLoss: { sum: 0, traces: 0 },
      bestEpoch: improved ? epoch : bestEpoch,
    }
    onEpoch?.(entry)
  }

  #save(): void {
    const { library, stateFolder, lock } = this.#options
    const saved = { progress: this.#progress, trainer: this.#trainer.state(), best: this.#best }
    writeState(library, stateFolder, saved, lock)
    this.#clock.saved(this.#progress.step)
  }

  #result(diverged: TrainingProblem | undefined): TrainingResult {
    const { history, bestEpoch, shape } = this.#progress
    const entry = history.find(({ epoch }) => epoch === bestEpoch)
    const matrices = this.#best?.map((weights, i) => {
      return { rows: shape[i + 1] ?? 0, columns: shape[i] ?? 0, weights }
    })
    const best = entry && matrices ? { entry, matrices } : undefined
    const problem = diverged ?? problemOf(best?.entry)
    return { plan: this.#plan, history, best, problem, throughput: this.#throughput.figures() }
  }

  [Symbol.dispose](): void {
    this.#trainer.dispose()
  }
}
