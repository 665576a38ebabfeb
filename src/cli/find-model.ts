/**
 * Finding the model that a command was given, which may mean to download it: what is shown meanwhile, and what Ctrl-C does.
 */
import { locateModel, type LocatedModel, type TemplateOptions } from '../engine/locate-model.ts'
import type { DownloadProgress } from '../models/progress-meter.ts'
import { resolveModel, type ResolvedModel } from '../models/resolve.ts'
import { downloadStopped, showDownload } from './output/download-progress.ts'
import { untilInterrupted } from './interrupt.ts'

/** The model of a command, and what belongs to it. */
export interface ModelFlags {
  readonly model: string
  /** A file, one on the Hub, or `none`. */
  readonly predictor?: string
  /** A file, or one on the Hub. */
  readonly calibration?: string
  readonly offline?: boolean
}

/** The model with its predictor and its calibration. @returns undefined if `signal` has ended a download, which is told */
export async function findModel(
  { model, predictor: given, calibration, offline }: ModelFlags,
  signal: AbortSignal,
  templates: TemplateOptions = {},
): Promise<LocatedModel | undefined> {
  const predictor = given === 'none' ? false : given
  return await whileDownloading(signal, (onDownload) =>
    locateModel(model, { predictor, calibration, ...templates, offline, signal, onDownload }),
  )
}

/** The model's file alone. @returns undefined if `signal` has ended a download, which is told */
export async function findModelFile(
  { model, offline }: Pick<ModelFlags, 'model' | 'offline'>,
  signal: AbortSignal,
): Promise<ResolvedModel | undefined> {
  return await whileDownloading(signal, (onProgress) => resolveModel(model, { offline, signal, onProgress }))
}

/**
 * @param find looks for something, and reports a download
 * @returns undefined if `signal` has ended it, which is told
 */
export async function whileDownloading<T>(
  signal: AbortSignal,
  find: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<T | undefined> {
  const display = showDownload(stream)
  const found = await untilInterrupted(signal, () => find(display.onProgress)).finally(display.stop)
  if (found === undefined) stream.write(`${downloadStopped}\n`)
  return found
}
