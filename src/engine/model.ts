/**
 * A model in memory, as the main thread sees it.
 */
import { existsSync } from 'node:fs'
import { calibrationMismatch, readCalibration } from '../calibration/calibration-file.ts'
import { findCalibration } from '../calibration/find.ts'
import { InputError } from '../errors.ts'
import { findThinkingTags, tagsOf, type GpuChoice, type TemplateVariables, type ThinkingTags } from '../llama/index.ts'
import type { DownloadProgress } from '../models/progress-meter.ts'
import { inspectGguf, type GgufInfo } from '../models/gguf-file.ts'
import { parsePredictorReference, resolvePredictor } from '../models/predictor-reference.ts'
import { resolveModel } from '../models/resolve.ts'
import {
  findPredictor,
  mismatch,
  predictorShape,
  readCheckpoint,
  type Fingerprint,
  type PredictorCheckpoint,
} from '../predictor/index.ts'
import { EngineThread } from './engine-thread.ts'
import { checkLoadOptions, checkReference } from './option-schemas.ts'
import type { LoadReply, PlanReply, TokenizeOptions } from './protocol.ts'
import { tryModel } from './trial.ts'
import type { Completion, TraceLayout } from './trace-layout.ts'
import type { GenerateRequest, Prompt } from './types.ts'

export interface LoadModelOptions {
  /**
   * The importance predictor: a path, or one on the Hugging Face Hub (`hf:user/repo[:FILE]`). Default: the one beside the model
   * or in the cache folder; false: none.
   */
  readonly predictor?: string | false | undefined
  /** The file that `dynts calibrate` wrote, for policies that foresee attention. Default: the one beside the model or in the cache folder. */
  readonly calibration?: string | undefined
  /** Default auto. */
  readonly gpu?: GpuChoice | undefined
  /** Layers kept on the GPU. Default: all. */
  readonly gpuLayers?: number | undefined
  /** Compute threads. Default: the physical cores, fewer for a small model. */
  readonly threads?: number | undefined
  /** Loads vocabulary and template only: the model tokenises and lays out traces, but generates nothing. */
  readonly vocabularyOnly?: boolean | undefined
  /** The chat template's text. Default: the model's own. */
  readonly chatTemplate?: string | undefined
  /** What the template is given besides messages, tokens and `enable_thinking`, such as `{ reasoning_effort: 'high' }`. */
  readonly templateVariables?: TemplateVariables | undefined
  /** The tags between which the model thinks. Default: those that its template names, or its vocabulary has. */
  readonly thinkingTags?: Pick<ThinkingTags, 'open' | 'close'> | undefined
  /** Never asks the network. */
  readonly offline?: boolean | undefined
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined
  /** Called when the model is first tried in a process of its own, which it is once, where it might end this one. */
  readonly onTrial?: (() => void) | undefined
  /** Share of the weights that are read, 0..1. */
  readonly onProgress?: ((share: number) => void) | undefined
  /** Ends a download (it can be resumed) or the loading (EngineError `load_cancelled`). */
  readonly signal?: AbortSignal | undefined
}

/** An importance predictor that fits its model. */
export interface LoadedPredictor extends Omit<PredictorCheckpoint, 'matrices'> {
  readonly path: string
  /** Sizes of input, hidden layers and output. */
  readonly shape: readonly number[]
}

/** What may be given in place of the model's own template, its variables and its tags. */
export type TemplateOptions = Pick<LoadModelOptions, 'chatTemplate' | 'templateVariables' | 'thinkingTags'>

/** A checked model file and its predictor, before anything is loaded. */
export interface LocatedModel {
  readonly info: GgufInfo
  readonly predictor: LoadedPredictor | undefined
  /** Of what `dynts calibrate` measured, if it has. */
  readonly calibrationPath?: string | undefined
  readonly thinkingTags: ThinkingTags
  /** What was given in place of the model's own. */
  readonly template: TemplateOptions
}

/** What identifies a model for its predictor. */
export function fingerprint(info: GgufInfo): Fingerprint {
  return {
    architecture: info.architecture,
    hiddenSize: info.hiddenSize,
    layers: info.layers,
    vocabularySize: info.vocabularySize,
    name: info.name,
  }
}

/**
 * Finds (and downloads, if need be) a model and its predictor and checks both, without loading the weights.
 * @param reference a path, `tiny`, `user/repo:QUANT`, `hf:...`, or an address; see docs/models.md
 * @throws InputError for a file that is missing, damaged or not a model, `predictor_mismatch`, `calibration_mismatch`, and `invalid_option`
 */
export async function locateModel(reference: string, options: LoadModelOptions = {}): Promise<LocatedModel> {
  checkReference(reference)
  checkLoadOptions(options)
  const { offline, signal, onDownload } = options
  const { path } = await resolveModel(reference, { offline, signal, onProgress: onDownload })
  const { chatTemplate, templateVariables, thinkingTags: tags } = options
  const template = { chatTemplate, templateVariables, thinkingTags: tags }
  const file = await inspectGguf(path)
  const info =
    chatTemplate === undefined ? file : { ...file, chatTemplate, thinkingTags: findThinkingTags(chatTemplate) }
  const thinkingTags = tags ? tagsOf(tags) : info.thinkingTags
  const predictor = await locatePredictor(info, options)
  return {
    info,
    predictor,
    calibrationPath: await locateCalibration(info, options.calibration),
    thinkingTags,
    template,
  }
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

/** @throws InputError `calibration_not_found`, `calibration_mismatch`; what reading it throws */
async function locateCalibration(info: GgufInfo, given: string | undefined): Promise<string | undefined> {
  if (given !== undefined && !existsSync(given)) {
    const advice = 'Check the path, or make one with dynts calibrate.'
    throw new InputError('calibration_not_found', `There is no calibration file ${given}. ${advice}`)
  }
  const path = given ?? findCalibration(info.path)
  if (path === undefined) return undefined
  const why = calibrationMismatch(await readCalibration(path), fingerprint(info))
  if (why === undefined) return path
  const advice = given === undefined ? 'Run dynts calibrate --force, or remove it.' : 'Give one of this model.'
  throw new InputError('calibration_mismatch', `The calibration ${path} does not fit ${info.path}: ${why}. ${advice}`)
}

async function locatePredictor(
  info: GgufInfo,
  options: Pick<LoadModelOptions, 'predictor' | 'offline' | 'signal' | 'onDownload'>,
): Promise<LoadedPredictor | undefined> {
  const { predictor: given, offline, signal, onDownload: onProgress } = options
  if (given === false) return undefined
  const onHub = given === undefined ? undefined : parsePredictorReference(given)
  if (given !== undefined && onHub === undefined && !existsSync(given)) {
    throw new InputError('predictor_not_found', `There is no predictor file ${given}. Check \`predictor\`.`)
  }
  const path = onHub
    ? (await resolvePredictor(onHub, info.path, { offline, signal, onProgress })).path
    : (given ?? findPredictor(info.path))
  if (path === undefined) return undefined
  const checkpoint = await readCheckpoint(path)
  const why = mismatch(checkpoint.model, fingerprint(info))
  if (why !== undefined) {
    throw new InputError('predictor_mismatch', `The predictor ${path} does not fit ${info.path}: ${why}.`)
  }
  const { matrices, ...rest } = checkpoint
  return { ...rest, path, shape: predictorShape({ matrices }) }
}
