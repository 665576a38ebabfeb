/**
 * Where a model's calibration is looked for: beside the model, then in the cache folder.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { madeFileNames } from '../models/made-file-name.ts'

/** The folder for calibrations of models that lie where nothing should be written. */
export function calibrationFolder(): string {
  // A variable that is set to nothing counts as not set.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dynts', 'calibrations')
}

/** One for the very file comes before one for all quantisations of the model. */
export function findCalibration(modelPath: string): string | undefined {
  const folders = [dirname(modelPath), calibrationFolder()]
  const paths = madeFileNames('calibration', modelPath).flatMap((name) => folders.map((folder) => join(folder, name)))
  return paths.find((path) => existsSync(path))
}
