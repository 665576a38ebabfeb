/**
 * Loading a model: how far it is, if it takes longer than two seconds, and why a GPU is not used.
 */
import { percent } from '../../percent.ts'
import type { LocatedModel } from '../../engine/locate-model.ts'
import { loadLocated, type Model } from '../../engine/model.ts'
import type { TrialResult } from '../../engine/trial.ts'
import type { DeviceFlags } from '../options/machine-options.ts'
import type { Say } from './write.ts'

const everyMs = 2000

export class LoadProgress implements Disposable {
  #share = 0
  #isTrial = false
  readonly #timer: NodeJS.Timeout

  constructor(say: Say) {
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
  };

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}

/**
 * Loads what was found, and says what it takes.
 * @param options `vocabularyOnly`: for what generates elsewhere, and needs no weights here
 * @throws what `loadLocated` throws
 */
export async function loadModel(
  located: LocatedModel,
  { gpu, gpuLayers, threads }: DeviceFlags,
  {
    signal,
    say,
    vocabularyOnly,
  }: { readonly signal: AbortSignal; readonly say: Say; readonly vocabularyOnly?: boolean },
): Promise<Model> {
  using progress = new LoadProgress(say)
  const { onTrial, onProgress } = progress
  const model = await loadLocated(located, { gpu, gpuLayers, threads, vocabularyOnly, signal, onTrial, onProgress })
  sayGpuProblem(model, say)
  return model
}

export function sayGpuProblem({ gpuProblem }: Pick<TrialResult, 'gpuProblem'>, say: Say): void {
  if (gpuProblem !== undefined)
    say(`The GPU is not used: ${gpuProblem}. A newer driver may help; --gpu off leaves it out.`)
}
