/** Which models came through their trial: a file in the cache folder. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomic } from '../records/atomic-file.ts'

/** The oldest are forgotten: they are tried once more. */
const mostVerdicts = 200

function verdictsFile(): string {
  // A variable that is set to nothing counts as not set.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dynts', 'tried-models.json')
}

/** @param key what identifies the files, the libraries and where the layers run */
export function hasPassed(key: string): boolean {
  return readKeys().includes(key)
}

/** Where nothing can be written, the model is tried again the next time. */
export function notePassed(key: string): void {
  const path = verdictsFile()
  const keys = [...readKeys().filter((known) => known !== key), key].slice(-mostVerdicts)
  try {
    writeFileAtomic(path, `${JSON.stringify(keys)}\n`)
  } catch {
    return
  }
}

function readKeys(): string[] {
  const path = verdictsFile()
  try {
    const keys: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : []
  } catch {
    return []
  }
}
