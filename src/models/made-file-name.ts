/**
 * By which names what was made for a model is found, its predictor and its calibration: beside the model, in the cache folder, and in
 * the model's repository on the Hub.
 */
import { basename } from 'node:path'
import { parseGGUFQuantLabel } from '@huggingface/gguf'

export const madeFileKinds = ['predictor', 'calibration'] as const
export type MadeFileKind = (typeof madeFileKinds)[number]

export const endingOf = (kind: MadeFileKind): string => `.${kind}.gguf`

export function isMadeFile(kind: MadeFileKind, path: string): boolean {
  return path.toLowerCase().endsWith(endingOf(kind))
}

/** `model-Q8_0.gguf` becomes `model-Q8_0.predictor.gguf`; of a split model the part's number is left out. */
export function madeFileName(kind: MadeFileKind, modelPath: string): string {
  return stemOf(modelPath) + endingOf(kind)
}

/** The name of one for this file alone, then that of one for all quantisations of the model: `model.predictor.gguf`. */
export function madeFileNames(kind: MadeFileKind, modelPath: string): string[] {
  const stem = stemOf(modelPath)
  const quant = parseGGUFQuantLabel(stem)
  const shared = quant === undefined || !stem.endsWith(quant) ? '' : stem.slice(0, -quant.length).replace(/[-._]$/, '')
  return [stem, ...(shared === '' ? [] : [shared])].map((name) => name + endingOf(kind))
}

function stemOf(modelPath: string): string {
  return basename(modelPath)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '')
}

/**
 * What was made for a model among the files of its repository: in the model's folder, else at the top.
 * @param modelPath with slashes, as the files' paths
 */
export function madeFileAmong<File extends { readonly path: string }>(
  kind: MadeFileKind,
  modelPath: string,
  files: readonly File[],
): File | undefined {
  const folder = modelPath.slice(0, modelPath.lastIndexOf('/') + 1)
  for (const name of madeFileNames(kind, modelPath)) {
    const found = files.find(({ path }) => path === folder + name) ?? files.find(({ path }) => path === name)
    if (found) return found
  }
  return undefined
}
