/**
 * Where a model's predictor is looked for: beside the model, then in the cache folder.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { madeFileNames } from '../models/made-file-name.ts'

/** The folder for predictors of models that lie where nothing should be written. */
export function predictorFolder(): string {
  // A variable that is set to nothing counts as not set.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dynts', 'predictors')
}

/** One for the very file comes before one for all quantisations of the model. */
export function findPredictor(modelPath: string): string | undefined {
  const folders = [dirname(modelPath), predictorFolder()]
  const paths = madeFileNames('predictor', modelPath).flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find((path) => existsSync(path))
}
