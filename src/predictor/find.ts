/**
 * Where a model's predictor is looked for: beside the model, then in the cache folder.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** `model.gguf` becomes `model.predictor.gguf`; of a split model the part number is left out. */
export function predictorName(modelPath: string): string {
  return `${basename(modelPath)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '')}.predictor.gguf`
}

/** The folder for predictors of models that lie where nothing should be written. */
export function predictorFolder(): string {
  // A variable that is set to nothing counts as not set.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dynts', 'predictors')
}

export function findPredictor(modelPath: string): string | undefined {
  const name = predictorName(modelPath)
  return [join(dirname(modelPath), name), join(predictorFolder(), name)].find((path) => existsSync(path))
}
