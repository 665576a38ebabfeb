/**
 * What is said of the loading of a model: how far it is, if it takes longer than two seconds, and why a GPU is not used.
 */
import { percent } from '../percent.ts'
import type { LocatedModel } from '../engine/locate-model.ts'
import { loadLocated, type Model } from '../engine/model.ts'
import type { MachineFlags } from './machine-options.ts'
import type { ProgressLine } from './progress-line.ts'

const everyMs = 2000

export class LoadProgress {
  #share = 0
  #isTrial = false
  readonly #timer: NodeJS.Timeout

  constructor(say: (text: string) => unknown) {
    this.#timer = setInterval(() => {
      const loading = `loading the model: ${percent(this.#share, 0)}`
      say(this.#isTrial ? 'trying the model in a process of its own, which is done once ...' : loading)
    }, everyMs)
  }

  readonly onTrial = (): void => {
    this.#isTrial = true
  }

  readonly onProgress = (share: number): void => {
    this.#isTrial = false
    this.#share = share
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** Loads a model for a command whose progress is a line. @throws what `loadLocated` throws */
export async function loadBeside(
  line: ProgressLine,
  located: LocatedModel,
  { gpu, gpuLayers, threads }: Pick<MachineFlags, 'gpu' | 'gpuLayers' | 'threads'>,
  signal: AbortSignal,
): Promise<Model> {
  const progress = new LoadProgress((text) => line.say(text))
  const { onTrial, onProgress } = progress
  try {
    return await loadLocated(located, { gpu, gpuLayers, threads, signal, onTrial, onProgress })
  } finally {
    progress.stop()
  }
}

export function sayGpuProblem({ gpuProblem }: Pick<Model, 'gpuProblem'>, say: (text: string) => unknown): void {
  if (gpuProblem !== undefined)
    say(`The GPU is not used: ${gpuProblem}. A newer driver may help; --gpu off leaves it out.`)
}
