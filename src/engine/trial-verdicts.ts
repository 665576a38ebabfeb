/** What trials found: a file in the cache folder. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomic } from '../records/atomic-file.ts'

/** Why a model cannot be used; null: it came through. */
export type TrialVerdict = string | null

/** The oldest are forgotten: they are tried once more. */
const mostVerdicts = 200

export function verdictsFile(): string {
  // A variable that is set to nothing counts as not set.
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dynts', 'tried-models.json')
}

/**
 * @param key what identifies the files, the libraries and where the layers run
 * @returns undefined: it was not tried yet
 */
export function verdictOn(key: string): TrialVerdict | undefined {
  return readVerdicts().get(key)
}

/** Where nothing can be written, the model is tried again the next time. */
export function noteVerdict(key: string, verdict: TrialVerdict): void {
  const others = [...readVerdicts()].filter(([known]) => known !== key)
  try {
    writeFileAtomic(verdictsFile(), `${JSON.stringify([...others, [key, verdict]].slice(-mostVerdicts))}\n`)
  } catch {
    return
  }
}

function readVerdicts(): Map<string, TrialVerdict> {
  const path = verdictsFile()
  try {
    const entries: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : []
    return new Map(Array.isArray(entries) ? entries.filter(isEntry) : [])
  } catch {
    return new Map()
  }
}

function isEntry(entry: unknown): entry is [string, TrialVerdict] {
  if (!Array.isArray(entry) || entry.length !== 2) return false
  const [key, verdict] = entry as unknown[]
  return typeof key === 'string' && (verdict === null || typeof verdict === 'string')
}
