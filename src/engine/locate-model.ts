/**
 * A model's file, its predictor and its calibration: found, downloaded if need be, and checked, before anything is loaded.
 */
import { existsSync } from 'node:fs'
import { calibrationMismatch, readCalibration } from '../calibration/calibration-file.ts'
import { findCalibration } from '../calibration/find.ts'
import { InputError } from '../errors.ts'
import { findThinkingTags, tagsOf, type TemplateVariables, type ThinkingTags } from '../llama/index.ts'
import type { DownloadProgress } from '../models/progress-meter.ts'
import { inspectGguf, type GgufInfo } from '../models/gguf-file.ts'
import type { MadeFileKind } from '../models/made-file-name.ts'
import { parseMadeFileReference, resolveMadeFile } from '../models/made-file-reference.ts'
import { resolveModel } from '../models/resolve.ts'
import {
  findPredictor,
  mismatch,
  predictorShape,
  readCheckpoint,
  type Fingerprint,
  type PredictorCheckpoint,
} from '../predictor/index.ts'
import { checkLoadOptions, checkReference } from './option-schemas.ts'

export interface LocateModelOptions {
  /**
   * The importance predictor: a path, or one on the Hugging Face Hub (`hf:user/repo[:FILE]`). Default: the one beside the model
   * or in the cache folder; false: none.
   */
  readonly predictor?: string | false | undefined
  /**
   * What `dynts calibrate` wrote, for policies that foresee attention: a path, or one on the Hub as for `predictor`. Default: the one
   * beside the model or in the cache folder.
   */
  readonly calibration?: string | undefined
  /** The chat template's text. Default: the model's own. */
  readonly chatTemplate?: string | undefined
  /** What the template is given besides messages, tokens and `enable_thinking`, such as `{ reasoning_effort: 'high' }`. */
  readonly templateVariables?: TemplateVariables | undefined
  /** The tags between which the model thinks. Default: those that its template names, or its vocabulary has. */
  readonly thinkingTags?: Pick<ThinkingTags, 'open' | 'close'> | undefined
  /** Never asks the network. */
  readonly offline?: boolean | undefined
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined
  /** Ends a download (it can be resumed), or the loading (EngineError `load_cancelled`). */
  readonly signal?: AbortSignal | undefined
}

/** An importance predictor that fits its model. */
export interface LoadedPredictor extends Omit<PredictorCheckpoint, 'matrices'> {
  readonly path: string
  /** Sizes of input, hidden layers and output. */
  readonly shape: readonly number[]
}

type MadeFileOptions = Pick<LocateModelOptions, MadeFileKind | 'offline' | 'signal' | 'onDownload'>

/** What may be given in place of the model's own template, its variables and its tags. */
export type TemplateOptions = Pick<LocateModelOptions, 'chatTemplate' | 'templateVariables' | 'thinkingTags'>

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
export async function locateModel(reference: string, options: LocateModelOptions = {}): Promise<LocatedModel> {
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
    calibrationPath: await locateCalibration(info, options),
    thinkingTags,
    template,
  }
}

/** @throws InputError `calibration_not_found`, `calibration_mismatch`; what reading it throws */
async function locateCalibration(info: GgufInfo, options: MadeFileOptions): Promise<string | undefined> {
  const { calibration: given } = options
  const path = given === undefined ? findCalibration(info.path) : await givenFile('calibration', given, info, options)
  if (path === undefined) return undefined
  const why = calibrationMismatch(await readCalibration(path), fingerprint(info))
  if (why === undefined) return path
  const advice = given === undefined ? 'Run dynts calibrate --force, or remove it.' : 'Give one of this model.'
  throw new InputError('calibration_mismatch', `The calibration ${path} does not fit ${info.path}: ${why}. ${advice}`)
}

const howMade = { predictor: 'train one with dynts fit', calibration: 'make one with dynts calibrate' }

/**
 * A path, or where what is on the Hub lies in the cache.
 * @throws InputError `predictor_not_found`, `calibration_not_found`, and what finding it on the Hub throws
 */
async function givenFile(
  kind: MadeFileKind,
  given: string,
  info: GgufInfo,
  { offline, signal, onDownload: onProgress }: MadeFileOptions,
): Promise<string> {
  const onHub = parseMadeFileReference(kind, given)
  if (onHub) return (await resolveMadeFile(kind, onHub, info.path, { offline, signal, onProgress })).path
  if (existsSync(given)) return given
  throw new InputError(
    `${kind}_not_found`,
    `There is no ${kind} file ${given}. Check \`${kind}\`, or ${howMade[kind]}.`,
  )
}

async function locatePredictor(info: GgufInfo, options: MadeFileOptions): Promise<LoadedPredictor | undefined> {
  const { predictor: given } = options
  if (given === false) return undefined
  const path = given === undefined ? findPredictor(info.path) : await givenFile('predictor', given, info, options)
  if (path === undefined) return undefined
  const checkpoint = await readCheckpoint(path)
  const why = mismatch(checkpoint.model, fingerprint(info))
  if (why !== undefined) {
    throw new InputError('predictor_mismatch', `The predictor ${path} does not fit ${info.path}: ${why}.`)
  }
  const { matrices, ...rest } = checkpoint
  return { ...rest, path, shape: predictorShape({ matrices }) }
}
