/**
 * Puts the records of several folders of one plan together, in the plan's order: merging again changes nothing. Measures
 * nothing.
 */
import { appendFileSync, closeSync, existsSync, openSync, readSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { InputError } from '../../errors.ts'
import { FailureLog, readFailures } from '../../jobs/failure-log.ts'
import { jsonDigest } from '../../json-digest.ts'
import { pick } from '../../pick.ts'
import { writeFileAtomic } from '../../records/atomic-file.ts'
import type { WriteLock } from '../../records/file-lock.ts'
import { readAllRecords } from '../../records/read-records.ts'
import { jobKey } from './eval-job.ts'
import { evalFailuresPath, hasPlan, readPlan, recordsPath, withEvalFolder, writePlan } from './eval-folder.ts'
import { plannedGroups, type EvalPlan } from './eval-plan.ts'
import { gapsOf, type Gaps } from './gaps.ts'
import { evalRecords, recordKey, withoutTimings, type EvalRecord } from './eval-record.ts'

export interface MergeResult {
  readonly planned: number
  /** Records of the output. */
  readonly records: number
  /** Of them, new in it. */
  readonly added: number
  /** The same job with another result, timings apart; the first that was found is kept. */
  readonly conflicts: readonly MergeConflict[]
  /** Records of jobs that the plan does not have; left out. */
  readonly unplanned: number
  readonly gaps: Gaps
}

export interface MergeConflict extends Pick<EvalRecord, 'task' | 'item' | 'sample' | 'policy'> {
  readonly key: string
  readonly kept: string
  readonly dropped: string
}

/** Where a record lies in a file: only that is kept in memory. */
interface Place {
  readonly path: string
  readonly start: number
  readonly length: number
  readonly digest: string
}

/**
 * What the output folder holds already counts as one more folder, and comes first.
 * @throws InputError `no_plan`, `plans_differ`, `invalid_records`, `eval_locked`
 */
export async function mergeFolders(folders: readonly string[], output: string): Promise<MergeResult> {
  const plan = commonPlan(hasPlan(output) ? [output, ...folders] : folders)
  return await withEvalFolder(output, (lock) => Promise.resolve(merge(plan, folders, output, lock)))
}

function commonPlan(folders: readonly string[]): EvalPlan {
  const [first = '', ...others] = folders
  const plan = readPlan(first)
  const different = others.find((folder) => !isDeepStrictEqual(readPlan(folder), plan))
  if (different === undefined) return plan
  throw new InputError(
    'plans_differ',
    `${first} and ${different} are not parts of the same run: their plan.json differ. Run all shards with the same options.`,
  )
}

function merge(plan: EvalPlan, folders: readonly string[], output: string, lock: WriteLock): MergeResult {
  const order = plannedGroups(plan).flatMap(({ jobs }) => jobs.map((job) => jobKey(job, plan)))
  const planned = new Set(order)
  const places = new Map<string, Place>()
  const conflicts: MergeConflict[] = []
  let unplanned = 0
  let before = 0
  for (const folder of new Set([output, ...folders])) {
    for (const { record, ...place } of recordsIn(recordsPath(folder))) {
      const key = recordKey(record)
      const known = places.get(key)
      if (!planned.has(key)) unplanned++
      else if (!known) places.set(key, place)
      else if (known.digest !== place.digest) {
        const of = pick(record, ['task', 'item', 'sample', 'policy'])
        conflicts.push({ key, ...of, kept: known.path, dropped: place.path })
      }
    }
    if (folder === output) before = places.size
  }
  writePlan(output, plan, lock)
  const inOrder = order.flatMap((key) => places.get(key) ?? [])
  writeFileAtomic(recordsPath(output), (partial) => copyRecords(partial, inOrder), { lock })
  mergeFailures(folders, output, lock)
  const counts = { planned: planned.size, records: places.size, added: places.size - before }
  return { ...counts, conflicts, unplanned, gaps: gapsOf(plan, output) }
}

function mergeFailures(folders: readonly string[], output: string, lock: WriteLock): void {
  const log = new FailureLog(evalFailuresPath(output), lock)
  for (const folder of folders) {
    if (folder !== output) for (const failure of readFailures(evalFailuresPath(folder))) log.add(failure)
  }
}

function* recordsIn(path: string): Generator<Place & { readonly record: EvalRecord }, void, undefined> {
  if (!existsSync(path)) return
  for (const { record, line } of readAllRecords(path, evalRecords.schema)) {
    const digest = jsonDigest(withoutTimings(record)).toString('hex')
    yield { path, start: line.start, length: line.end - line.start, digest, record }
  }
}

/** Copies lines into a new file. */
function copyRecords(path: string, places: readonly Place[]): void {
  const out = openSync(path, 'w')
  const files = new Map<string, number>()
  try {
    for (const { path: from, start, length } of places) {
      const file = files.get(from) ?? openSync(from, 'r')
      files.set(from, file)
      const line = Buffer.alloc(length)
      readSync(file, line, 0, length, start)
      appendFileSync(out, line)
    }
  } finally {
    for (const file of files.values()) closeSync(file)
    closeSync(out)
  }
}
