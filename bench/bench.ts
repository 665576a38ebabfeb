/**
 * What a part of a scenario works with: the model's files, the options, progress, Ctrl-C, and where results go.
 */
import { setImmediate } from 'node:timers/promises'
import type { DecodeLoop } from '../src/engine/decode-loop.ts'
import { LoadedModel } from '../src/engine/loaded-model.ts'
import { loadLibrary } from '../src/llama/index.ts'
import { readCalibration } from '../src/calibration/calibration-file.ts'
import { readCheckpoint } from '../src/predictor/index.ts'
import { Measurements } from './measurements.ts'
import type { Progress } from './progress.ts'
import type { ModelFiles } from './random-model.ts'
import { Stopped, type BenchOptions } from './scenario.ts'
import type { Sizes } from './sizes.ts'

export interface BenchPlan {
  readonly options: BenchOptions
  readonly files: ModelFiles
  readonly sizes: Sizes
  /** How often each variant is measured. */
  readonly repetitions: number
}

export class Bench {
  readonly options: BenchOptions
  readonly files: ModelFiles
  readonly sizes: Sizes
  readonly repetitions: number
  readonly measurements = new Measurements()
  readonly #title: string
  readonly #progress: Progress
  readonly #stop: AbortSignal
  #span = { start: 0, length: 1, label: '', stage: '' }

  constructor(title: string, plan: BenchPlan, progress: Progress, stop: AbortSignal) {
    this.#title = title
    this.options = plan.options
    this.files = plan.files
    this.sizes = plan.sizes
    this.repetitions = plan.repetitions
    this.#progress = progress
    this.#stop = stop
  }

  /** Decode steps of a measurement: as many as the options say, else `usual` ones for this shape. */
  steps(usual: number): number {
    return this.options.steps ?? this.sizes.of(usual)
  }

  /** The part's model, without or with what policies need: its importance predictor and its calibration. */
  async loadModel({ predictor = false, threads = this.options.threads } = {}): Promise<LoadedModel> {
    const checkpoint = predictor ? await readCheckpoint(this.files.predictor) : undefined
    const calibration = predictor ? await readCalibration(this.files.calibration) : undefined
    const { gpu } = this.options
    const gpuLayers = gpu === 'off' ? 0 : -1
    const model = LoadedModel.load(loadLibrary(gpu), this.files.model, {
      threads,
      gpuLayers,
      predictor: checkpoint,
      calibration,
    })
    this.measurements.settings['threads'] ??= model.threads
    return model
  }

  /**
   * The share of the whole that the next `breathe` calls are about.
   * @param stage what the whole is, where a part measures in several stages
   */
  setSpan(start: number, length: number, label: string, stage = ''): void {
    this.#span = { start, length, label, stage }
  }

  /**
   * Shows progress and lets Ctrl-C in, for which native code leaves no room.
   * @param share of the present span, 0 to 1
   * @throws Stopped
   */
  async breathe(share: number, detail = this.#span.label): Promise<void> {
    const { start, length, stage } = this.#span
    const title = stage === '' ? this.#title : `${this.#title}, ${stage}`
    this.#progress.show(title, start + share * length, detail)
    await setImmediate()
    if (this.#stop.aborted) throw new Stopped()
  }

  /**
   * Runs `count` turns of a loop whose generations must not end meanwhile; returns the milliseconds that they took.
   * @param from and `to`: the share of the present span that is done before and after
   */
  async timeSteps(loop: DecodeLoop, count: number, from = 0, to = 1): Promise<number> {
    let ms = 0
    for (let done = 0; done < count;) {
      const start = performance.now()
      do {
        runStep(loop)
        done++
      } while (done < count && performance.now() - start < 200)
      ms += performance.now() - start
      await this.breathe(from + (done / count) * (to - from))
    }
    return ms
  }
}

function runStep(loop: DecodeLoop): void {
  for (const item of loop.step()) {
    if ('error' in item) throw item.error
    if (item.event.type === 'finish') throw new Error(`a generation ended early: ${item.event.result.finishReason}`)
  }
}
