/**
 * By which names a model's predictor is found: beside the model, in the cache folder, and in the model's repository on the Hub.
 */
import { basename } from 'node:path'
import { parseGGUFQuantLabel } from '@huggingface/gguf'

const ending = '.predictor.gguf'

export const isPredictorName = (path: string): boolean => path.toLowerCase().endsWith(ending)

/** `model-Q8_0.gguf` becomes `model-Q8_0.predictor.gguf`; of a split model the part's number is left out. */
export function predictorName(modelPath: string): string {
  return stemOf(modelPath) + ending
}

/** The name of a predictor for this file alone, then that of one for all quantisations of the model: `model.predictor.gguf`. */
export function predictorNames(modelPath: string): string[] {
  return stemsOf(modelPath).map((stem) => stem + ending)
}

/** A model's name without what says its format: with its quantisation, then without it. */
export function stemsOf(modelPath: string): string[] {
  const stem = stemOf(modelPath)
  const quant = parseGGUFQuantLabel(stem)
  const shared = quant === undefined || !stem.endsWith(quant) ? '' : stem.slice(0, -quant.length).replace(/[-._]$/, '')
  return [stem, ...(shared === '' ? [] : [shared])]
}

export function stemOf(modelPath: string): string {
  return basename(modelPath)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '')
}

/**
 * The predictor of a model among the files of its repository: in the model's folder, else at the top.
 * @param modelPath with slashes, as the files' paths
 */
export function predictorAmong<File extends { readonly path: string }>(
  modelPath: string,
  files: readonly File[],
): File | undefined {
  const folder = modelPath.slice(0, modelPath.lastIndexOf('/') + 1)
  for (const name of predictorNames(modelPath)) {
    const found = files.find(({ path }) => path === folder + name) ?? files.find(({ path }) => path === name)
    if (found) return found
  }
  return undefined
}
