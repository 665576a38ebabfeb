/**
 * Gives files and folders that are to be begun anew another name.
 */
import { existsSync, renameSync } from 'node:fs'
import { writing } from './file-failure.ts'

/** Renames a file or folder to `NAME.until-TIME`, so that nothing that took long is lost. @throws InputError `invalid_output` */
export function moveToBackup(path: string): void {
  if (!existsSync(path)) return
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  writing(path, () => renameSync(path, `${path}.until-${time}`))
}
