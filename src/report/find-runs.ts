/** The runs that a folder holds: what `dynts fit` leaves, a folder of several evaluations, and the like. Reads the beginnings of files. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
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

/** The path itself if it is a run, else the runs below it, in the order of their names. */
export function findRuns(path: string, depth = deepest): string[] {
  if (runKind(path) !== undefined) return [path]
  if (depth === 0 || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  return readdirSync(path)
    .filter((name) => !isBackup(name))
    .sort()
    .flatMap((name) => findRuns(join(path, name), depth - 1))
}
