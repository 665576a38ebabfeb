/**
 * Puts the records of several folders of one plan together, in the plan's order: merging again changes nothing. Measures
 * nothing.
 */
import { createHash } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { InputError } from '../../errors.ts'
import { readLines } from '../../records/lines.ts'
import { jobKey } from './eval-job.ts'
import { hasPlan, readPlan, recordsPath, withEvalFolder, writePlan } from './eval-folder.ts'
import { plannedGroups, type EvalPlan } from './eval-plan.ts'
import { evalRecord, recordKey, withoutTimings, type EvalRecord } from './eval-record.ts'

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
}

export interface MergeConflict {
  readonly key: string
  readonly task: string
  readonly item: string
  readonly sample: number
  readonly policy: string
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
  return await withEvalFolder(output, () => Promise.resolve(merge(plan, folders, output)))
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

function merge(plan: EvalPlan, folders: readonly string[], output: string): MergeResult {
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
      else if (known.digest !== place.digest) conflicts.push(conflictOf(key, record, known, place))
    }
    if (folder === output) before = places.size
  }
  mkdirSync(output, { recursive: true })
  writePlan(output, plan)
  writeRecords(
    recordsPath(output),
    order.flatMap((key) => places.get(key) ?? []),
  )
  return { planned: planned.size, records: places.size, added: places.size - before, conflicts, unplanned }
}

function* recordsIn(path: string): Generator<Place & { readonly record: EvalRecord }, void, undefined> {
  if (!existsSync(path)) return
  let start = 0
  for (const { text, number, end, complete } of readLines(path)) {
    const length = end - start
    if (complete && text.trim() !== '') {
      const record = parse(text, path, number)
      yield { path, start, length, digest: digestOf(record), record }
    }
    start = end
  }
}

function parse(text: string, path: string, number: number): EvalRecord {
  try {
    const { data, error } = evalRecord.safeParse(JSON.parse(text))
    if (data) return data
    throw new Error(error.issues[0]?.message)
  } catch (cause) {
    throw new InputError(
      'invalid_records',
      `${path}, line ${number}, is not as expected: ${(cause as Error).message}.`,
      { cause },
    )
  }
}

function digestOf(record: EvalRecord): string {
  return createHash('sha256')
    .update(JSON.stringify(withoutTimings(record)))
    .digest('hex')
}

function conflictOf(key: string, record: EvalRecord, known: Place, place: Place): MergeConflict {
  const { task, item, sample, policy } = record
  return { key, task, item, sample, policy, kept: known.path, dropped: place.path }
}

/** Copies the lines into a new file, which then takes the old one's place. */
function writeRecords(path: string, places: readonly Place[]): void {
  const partial = `${path}.${process.pid}.partial`
  const out = openSync(partial, 'w')
  const files = new Map<string, number>()
  try {
    for (const { path: from, start, length } of places) {
      const file = files.get(from) ?? openSync(from, 'r')
      files.set(from, file)
      const line = Buffer.alloc(length)
      readSync(file, line, 0, length, start)
      writeSync(out, line)
    }
  } finally {
    for (const file of files.values()) closeSync(file)
    closeSync(out)
  }
  renameSync(partial, path)
}
