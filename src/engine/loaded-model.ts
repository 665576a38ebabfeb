/**
 * A model in memory with its predictor: the real `LoopModel`. Lives in the engine's thread.
 */
import type { CellBytes } from '../cache/cell-bytes.ts'
import { InputError } from '../errors.ts'
import {
  AttentionProbe,
  cacheLayersOf,
  defaultThreads,
  findThinkingTags,
  LlamaContext,
  LlamaModel,
  Constraint,
  Sampler,
  type CacheLayers,
  type ContextOptions,
  type LlamaLibrary,
  type SamplingSettings,
  type TemplateVariables,
  type ThinkingTags,
} from '../llama/index.ts'
import type { Calibration } from '../eviction/calibration.ts'
import { bytesOfNumber } from '../models/memory-plan.ts'
import { DeferredScorer, ImportancePredictor, type PredictorCheckpoint } from '../predictor/index.ts'
import type { LoopModel, ModelFacts, TokenSampler } from './forward-pass.ts'

export interface LoadOptions {
  readonly gpuLayers?: number | undefined
  readonly threads?: number | undefined
  readonly chatTemplate?: string | undefined
  readonly templateVariables?: TemplateVariables | undefined
  /** Default: those that the template names. */
  readonly thinkingTags?: ThinkingTags | undefined
  readonly predictor?: PredictorCheckpoint | undefined
  readonly calibration?: Calibration | undefined
  /** Without weights: nothing can be generated. */
  readonly vocabularyOnly?: boolean | undefined
  readonly onProgress?: ((share: number) => boolean) | undefined
}

export class LoadedModel implements Disposable {
  readonly llama: LlamaModel
  readonly threads: number
  readonly #predictor: ImportancePredictor | undefined
  readonly #calibration: Calibration | undefined
  readonly #chatTemplate: string | undefined
  readonly #templateVariables: TemplateVariables | undefined
  readonly #thinkingTags: ThinkingTags
  readonly #vocabularyOnly: boolean
  /** Of a model with windows. */
  #cacheLayers: CacheLayers | undefined

  /** @throws InputError `model_not_loaded`, `model_unusable` for a model that does not generate text */
  static load(library: LlamaLibrary, path: string, options: LoadOptions = {}): LoadedModel {
    const llama = LlamaModel.load(library, path, options)
    const { unusable } = llama
    if (unusable !== undefined) {
      llama.dispose()
      throw new InputError('model_unusable', `${path} cannot be run here: ${unusable}.`)
    }
    try {
      return new LoadedModel(llama, options)
    } catch (error) {
      llama.dispose()
      throw error
    }
  }

  private constructor(llama: LlamaModel, options: LoadOptions) {
    this.llama = llama
    this.threads = options.threads ?? defaultThreads(llama.weightBytes)
    this.#chatTemplate = options.chatTemplate
    this.#templateVariables = options.templateVariables
    this.#thinkingTags = options.thinkingTags ?? findThinkingTags(options.chatTemplate ?? '')
    this.#vocabularyOnly = options.vocabularyOnly ?? false
    this.#calibration = options.calibration
    this.#predictor = options.predictor && new ImportancePredictor(llama, options.predictor, this.threads)
  }

  /**
   * @param attention whether attention weights can be read; turns flash attention off
   * @throws InputError `vocabulary_only`, `invalid_context`; EngineError `context_not_created`
   */
  createContext({ attention = false, ...options }: ContextOptions & { readonly attention?: boolean }): LlamaContext {
    this.checkHasWeights()
    const given = { ...options, threads: options.threads ?? this.threads }
    if (!attention) return LlamaContext.create(this.llama, given)
    const attentionProbe = new AttentionProbe(this.llama.library)
    try {
      return LlamaContext.create(this.llama, { ...given, attentionProbe })
    } catch (error) {
      attentionProbe.dispose()
      throw error
    }
  }

  /** @throws InputError `vocabulary_only` */
  checkHasWeights(): void {
    if (!this.#vocabularyOnly) return
    throw new InputError('vocabulary_only', 'this model was loaded without its weights: it cannot generate')
  }

  /** Why attention weights and cached keys cannot be read, or undefined if they can. */
  get notReadable(): string | undefined {
    const { llama } = this
    if (llama.notReadable !== undefined || !llama.hasWindow || this.#vocabularyOnly) return llama.notReadable
    this.#cacheLayers ??= cacheLayersOf(llama)
    return this.#cacheLayers.full.layers === 0 ? 'all its layers have a sliding window' : undefined
  }

  /**
   * What a context's cells take. Which layers have a window is known only now: their cells are measured.
   * @param bytesPerCell of all layers, as the file's header tells
   * @throws EngineError `context_not_created`, `decode_failed`
   */
  cellBytes({ windowCells, kvType }: LlamaContext, bytesPerCell: number): CellBytes {
    const { llama } = this
    if (!llama.hasWindow || llama.isHybrid) return { full: bytesPerCell }
    this.#cacheLayers ??= cacheLayersOf(llama)
    const { full, window } = this.#cacheLayers
    const size = bytesOfNumber(kvType) / bytesOfNumber('f16')
    return { full: full.bytes * size, window: { bytes: window.bytes * size, cells: windowCells } }
  }

  /** What is needed to prepare a request. */
  get facts(): ModelFacts {
    const { llama } = this
    const { policy, diversity, budget, localWindow, ratio, evictEvery } = this.#predictor?.checkpoint ?? {}
    return {
      vocab: llama.vocab,
      trainedContext: llama.trainedContext,
      chatTemplate: this.#chatTemplate,
      templateVariables: this.#templateVariables,
      thinkingTags: this.#thinkingTags,
      notEvictable: llama.notEvictable,
      notReadable: this.notReadable,
      valuesNotReadable: llama.valuesNotReadable,
      hasPredictor: this.#predictor !== undefined,
      hasCalibration: this.#calibration !== undefined,
      recommended: { policy, diversity, budget, localWindow, ratio, evictEvery },
    }
  }

  /** The model as the loop sees it, sampling from this context. */
  loopModel(context: LlamaContext): LoopModel {
    return {
      ...this.facts,
      calibration: this.#calibration,
      createSampler: (settings, seed, grammar) => samplerOf(context, settings, seed, grammar),
      createScorer: () => {
        if (!this.#predictor) throw new Error('the model has no importance predictor')
        return new DeferredScorer(this.#predictor)
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

function samplerOf(context: LlamaContext, settings: SamplingSettings, seed: number, grammar?: string): TokenSampler {
  const sampler = Sampler.create(context.model, settings, seed)
  const plain: TokenSampler = {
    sample: (row) => sampler.sample(context, row),
    accept: (token) => sampler.accept(token),
    dispose: () => sampler.dispose(),
  }
  if (grammar === undefined) return plain
  try {
    return { ...plain, ...constrained(context, sampler, grammar) }
  } catch (error) {
    sampler.dispose()
    throw error
  }
}

function constrained(context: LlamaContext, sampler: Sampler, grammar: string) {
  const constraint = Constraint.create(context.model, grammar)
  let hasBegun = false
  return {
    sampleAnswer: (row: number, begun: string) => {
      if (!hasBegun) constraint.begin(begun)
      hasBegun = true
      return constraint.sample(context.logits(row), sampler)
    },
    dispose: () => {
      constraint.dispose()
      sampler.dispose()
    },
  }
}
