/**
 * A model in memory with its predictor: the real `LoopModel`. Lives in the engine's thread.
 */
import {
  defaultThreads,
  findThinkingTags,
  LlamaContext,
  LlamaModel,
  Sampler,
  type ContextOptions,
  type LlamaLibrary,
  type SamplingSettings,
} from '../llama/index.ts'
import { DeferredScorer, ImportancePredictor, type PredictorCheckpoint } from '../predictor/index.ts'
import type { LoopModel, TokenSampler } from './forward-pass.ts'

export interface LoadOptions {
  readonly gpuLayers?: number | undefined
  readonly threads?: number | undefined
  readonly chatTemplate?: string | undefined
  readonly predictor?: PredictorCheckpoint | undefined
  readonly onProgress?: ((share: number) => boolean) | undefined
}

export class LoadedModel implements Disposable {
  readonly llama: LlamaModel
  readonly threads: number
  readonly #predictor: ImportancePredictor | undefined
  readonly #chatTemplate: string | undefined

  /** @throws EngineError `model_not_loaded`; EngineError `model_unusable` for a model that does not generate text */
  static load(library: LlamaLibrary, path: string, options: LoadOptions = {}): LoadedModel {
    return new LoadedModel(LlamaModel.load(library, path, options), options)
  }

  private constructor(llama: LlamaModel, options: LoadOptions) {
    this.llama = llama
    this.threads = options.threads ?? defaultThreads(llama.weightBytes)
    this.#chatTemplate = options.chatTemplate
    this.#predictor = options.predictor && new ImportancePredictor(llama, options.predictor, this.threads)
  }

  createContext(options: ContextOptions): LlamaContext {
    return LlamaContext.create(this.llama, { ...options, threads: options.threads ?? this.threads })
  }

  /** The model as the loop sees it, sampling from this context. */
  loopModel(context: LlamaContext): LoopModel {
    const { llama } = this
    const predictor = this.#predictor
    const { budget, localWindow, ratio } = predictor?.checkpoint ?? {}
    return {
      vocab: llama.vocab,
      trainedContext: llama.trainedContext,
      chatTemplate: this.#chatTemplate,
      thinkingTags: findThinkingTags(this.#chatTemplate ?? ''),
      notEvictable: llama.notEvictable,
      createSampler: (settings, seed) => samplerOf(context, settings, seed),
      createScorer: predictor && (() => new DeferredScorer(predictor)),
      recommended: {
        ...(budget === undefined ? {} : { budget }),
        ...(localWindow === undefined ? {} : { localWindow }),
        ...(ratio === undefined ? {} : { ratio }),
      },
    }
  }

  dispose(): void {
    this.#predictor?.dispose()
    this.llama.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

function samplerOf(context: LlamaContext, settings: SamplingSettings, seed: number): TokenSampler {
  const sampler = Sampler.create(context.model, settings, seed)
  return {
    sample: (row) => sampler.sample(context, row),
    accept: (token) => sampler.accept(token),
    dispose: () => sampler.dispose(),
  }
}
