/**
 * A model in memory, as the main thread sees it.
 */
import type { GpuChoice, ThinkingTags } from '../llama/index.ts'
import type { GgufInfo } from '../models/gguf-file.ts'
import { EngineThread } from './engine-thread.ts'
import {
  locateModel,
  type LoadedPredictor,
  type LocatedModel,
  type LocateModelOptions,
  type TemplateOptions,
} from './locate-model.ts'
import { checkLoadOptions } from './option-schemas.ts'
import type { LoadReply, PlanReply, TokenizeOptions } from './protocol.ts'
import { tryModel } from './trial.ts'
import type { Completion, TraceLayout } from './trace-layout.ts'
import type { GenerateRequest, Prompt } from './types.ts'

export interface LoadModelOptions extends LocateModelOptions {
  /** Default auto. */
  readonly gpu?: GpuChoice | undefined
  /** Layers kept on the GPU. Default: all. */
  readonly gpuLayers?: number | undefined
  /** Compute threads. Default: the physical cores, fewer for a small model. */
  readonly threads?: number | undefined
  /** Loads vocabulary and template only: the model tokenises and lays out traces, but generates nothing. */
  readonly vocabularyOnly?: boolean | undefined
  /** Called when the model is first tried in a process of its own, which it is once, where it might end this one. */
  readonly onTrial?: (() => void) | undefined
  /** Share of the weights that are read, 0..1. */
  readonly onProgress?: ((share: number) => void) | undefined
}

/**
 * Loads a model into memory.
 * @throws what `locateModel` throws; InputError `model_not_loaded`; EngineError `load_cancelled`; what `onProgress` throws
 */
export async function loadModel(reference: string, options: LoadModelOptions = {}): Promise<Model> {
  return await loadLocated(await locateModel(reference, options), options)
}

/** Loads what `locateModel` found. */
export async function loadLocated(located: LocatedModel, options: LoadModelOptions = {}): Promise<Model> {
  checkLoadOptions(options)
  const start = performance.now()
  const { info, predictor, calibrationPath, thinkingTags, template } = located
  const { vocabularyOnly = false } = options
  const { signal, onTrial } = options
  const { gpu, gpuProblem } = await tryModel(info, {
    gpu: options.gpu ?? 'auto',
    gpuLayers: options.gpuLayers,
    signal,
    onStart: onTrial,
  })
  const thread = EngineThread.shared()
  const cancel = new SharedArrayBuffer(4)
  const onAbort = () => Atomics.store(new Int32Array(cancel), 0, 1)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  let failure: { readonly error: unknown } | undefined
  const onProgress = (share: number) => {
    try {
      options.onProgress?.(share)
    } catch (error) {
      failure ??= { error }
      onAbort()
    }
  }
  const loading = thread.call(
    'load',
    {
      path: info.path,
      gpu,
      gpuLayers: options.gpuLayers,
      threads: options.threads,
      chatTemplate: info.chatTemplate,
      templateVariables: template.templateVariables,
      thinkingTags,
      predictorPath: vocabularyOnly ? undefined : predictor?.path,
      calibrationPath: vocabularyOnly ? undefined : calibrationPath,
      vocabularyOnly,
      cancel,
    },
    onProgress,
  )
  try {
    const model = new Model(thread, { ...(await loading), gpuProblem }, located, performance.now() - start)
    if (failure) await model.close()
    else return model
  } catch (error) {
    if (!failure) throw error
  } finally {
    options.signal?.removeEventListener('abort', onAbort)
  }
  throw failure.error
}

export class Model {
  /** Facts of the file. */
  readonly info: GgufInfo
  readonly predictor: LoadedPredictor | undefined
  readonly thinkingTags: ThinkingTags
  /** What was given in place of the file's own. */
  readonly template: TemplateOptions
  readonly loadMs: number
  /** llama.cpp's version. */
  readonly release: string
  /** `cpu`, `cuda`, `vulkan` or `metal`. */
  readonly backend: string
  readonly threads: number
  /** Why a GPU that is there is not used, if that was left open. */
  readonly gpuProblem: string | undefined
  /** Why this model's cache cannot be bounded, or undefined if it can. */
  readonly notEvictable: string | undefined
  /** For `Engine`, as `thread` is: the model is known by it there, and only there. */
  readonly id: number
  readonly thread: EngineThread
  #closed = false

  constructor(
    thread: EngineThread,
    reply: LoadReply & { readonly gpuProblem?: string | undefined },
    { info, predictor, thinkingTags, template }: LocatedModel,
    loadMs: number,
  ) {
    this.info = info
    this.predictor = predictor
    this.thinkingTags = thinkingTags
    this.template = template
    this.loadMs = loadMs
    this.release = reply.release
    this.backend = reply.backend
    this.threads = reply.threads
    this.gpuProblem = reply.gpuProblem
    this.notEvictable = reply.notEvictable
    this.id = reply.modelId
    this.thread = thread
  }

  /** Tokens of a text. */
  async tokenize(text: string, options: TokenizeOptions = {}): Promise<Int32Array> {
    return await this.thread.call('tokenize', { modelId: this.id, text, ...options })
  }

  /**
   * The text of each token; joined, the text of all.
   * @throws InputError `invalid_request` for tokens that the model does not have
   */
  async detokenize(tokens: Iterable<number>): Promise<string[]> {
    return await this.thread.call('detokenize', { modelId: this.id, tokens: [...tokens] })
  }

  /**
   * The bytes of each token, which may be a part of a character.
   * @throws InputError `invalid_request` for tokens that the model does not have
   */
  async tokenBytes(tokens: Iterable<number>): Promise<Uint8Array[]> {
    return await this.thread.call('tokenBytes', { modelId: this.id, tokens: [...tokens] })
  }

  /**
   * A prompt as the model gets it, the template's special tokens as text.
   * @throws InputError `chat_template`, `invalid_request`
   */
  async render(prompt: Prompt): Promise<string> {
    return await this.thread.call('render', { modelId: this.id, prompt })
  }

  /**
   * Where the parts of a trace lie, the prompt rendered with the model's template.
   * @throws InputError `chat_template`, `invalid_request` for tokens that the model does not have
   */
  async layout(trace: { readonly prompt: Prompt; readonly completion: Completion }): Promise<TraceLayout> {
    return await this.thread.call('layout', { modelId: this.id, ...trace })
  }

  /**
   * What a request would be carried out with, before there is an engine for it.
   * @throws InputError for a request that cannot be carried out
   */
  async plan(request: GenerateRequest): Promise<PlanReply> {
    return await this.thread.call('plan', { modelId: this.id, request })
  }

  /** Frees the model and every engine on it. Closing twice is allowed. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.thread.release('closeModel', { modelId: this.id })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
