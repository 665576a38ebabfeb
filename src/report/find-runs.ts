/** The runs that a folder holds: what `dynts fit` leaves, a folder of several evaluations, and the like. Reads the beginnings of files. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { hasPlan } from '../evaluation/run/eval-folder.ts'
import { beginningOf } from '../records/input-file.ts'
import { manifestName } from '../traces/importance-record.ts'

/** `dynts fit` puts a folder into a folder; a folder of such folders is one more. */
const deepest = 3
/** A run that was put aside to begin anew. */
const isBackup = (name: string): boolean => name.includes('.until-')

export type RunKind = 'evaluation' | 'importance' | 'figures' | 'answers'

const figureSchemas = [
  'training',
  'analyze.cost',
  'analyze.importance',
  'analyze.words',
  'analyze.kept',
  'analyze.live',
]

/** Which kind of run a path is: a folder by what lies in it, a file by the schema that it begins with; undefined: none. */
export function runKind(path: string): RunKind | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isDirectory() === true) {
    if (hasPlan(path)) return 'evaluation'
    return existsSync(join(path, manifestName)) ? 'importance' : undefined
  }
  if (stats?.isFile() !== true || !/\.jsonl?$/.test(path)) return undefined
  const [, schema = ''] = /^\s*\{\s*"schema"\s*:\s*"dynts\.([\w.]+)\/\d+"/.exec(beginningOf(path, 256)) ?? []
  if (schema === 'pareto') return 'answers'
  return figureSchemas.includes(schema) ? 'figures' : undefined
}

/**
 * The path itself if it is a run, else the runs below it, in the order of their names.
 * @param onFailure called for what cannot be looked into, which loses none of the others
 */
export function findRuns(path: string, onFailure: (path: string, error: unknown) => void, depth = deepest): string[] {
  try {
    if (runKind(path) !== undefined) return [path]
    if (depth === 0 || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return []
    return readdirSync(path)
      .filter((name) => !isBackup(name))
      .sort()
      .flatMap((name) => findRuns(join(path, name), onFailure, depth - 1))
  } catch (error) {
    onFailure(path, error)
    return []
  }
}

/** What runs are called: of their paths as many last parts as tell them from each other; undefined: there is one only. */
export function runNames(paths: readonly string[]): (string | undefined)[] {
  const split = paths.map((path) =>
    resolve(path)
      .replace(/\.(?:metrics\.)?json$|(?:\.traces)?(?:\.pareto)?\.jsonl$/, '')
      .split(sep),
  )
  const name = (parts: readonly string[], count: number) => parts.slice(-count).join('/')
  return split.map((parts, i) => {
    if (paths.length === 1) return undefined
    const others = split.filter((_, j) => j !== i)
    const counts = parts.map((_, j) => j + 1)
    const least = counts.find((count) => others.every((other) => name(other, count) !== name(parts, count)))
    return name(parts, least ?? parts.length)
  })
}
