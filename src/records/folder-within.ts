/** The folder that was probably meant, where the one above it was given. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** ` Did you mean FOLDER/NAME?` for each folder in `folder` that has a file of this name; empty if none has. */
export function folderWithin(folder: string, file: string): string {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return ''
  const found = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => existsSync(join(path, file)))
    .sort()
  return found.length === 0 ? '' : ` Did you mean ${found.slice(0, 3).join(' or ')}?`
}
