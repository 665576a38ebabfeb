/** The records of a folder, by configuration, and what the plan has and the folder lacks. */
import { existsSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { readFailures, type JobFailure } from '../../jobs/failure-log.ts'
import { readRecords } from '../../records/read-records.ts'
import { boundOf, jobKey, policyOf } from './eval-job.ts'
import { evalFailuresPath, recordsPath } from './eval-folder.ts'
import { areReferences, type Configuration, type EvalPlan, type PlannedGroup } from './eval-plan.ts'
import { evalRecords, recordKey, type ReplayRecord, type SampleRecord } from './eval-record.ts'
import { givenReferences, isReference, sampleOf } from './references.ts'

/** Without its large fields: a folder may be larger than memory. */
export type Sample = SampleRecord & { readonly isReference: boolean }
const large = { prompt: '', text: '', tokens: null }

export interface FoundRecords {
  readonly samples: Map<string, Sample>
  readonly replays: Map<string, ReplayRecord>
  /** Of jobs that have no record: the last failure of each. */
  readonly failures: Map<string, JobFailure>
  readonly versions: Map<string, Set<string>>
}

/** Of records with the same key the first counts, as in a run that goes on and in a merge. */
export function readFound(folder: string): FoundRecords {
  const failures = new Map(readFailures(evalFailuresPath(folder)).map((failure) => [failure.key, failure]))
  const found: FoundRecords = { samples: new Map(), replays: new Map(), failures, versions: new Map() }
  if (!existsSync(recordsPath(folder))) return found
  for (const record of readRecords(recordsPath(folder), evalRecords)) {
    const key = recordKey(record)
    failures.delete(key)
    if (record.kind === 'replay') found.replays.set(key, record)
    else found.samples.set(key, { ...record, ...large, isReference: isReference(record) })
    for (const [name, version] of Object.entries(record.versions)) {
      found.versions.set(name, (found.versions.get(name) ?? new Set()).add(version))
    }
  }
  return found
}

/** Whether a job has a record, or failed. */
export function isFound({ samples, replays, failures }: FoundRecords, key: string): boolean {
  return samples.has(key) || replays.has(key) || failures.has(key)
}

/** The records of one configuration, of samples and of replays. */
export interface Rows {
  readonly configuration: Configuration
  readonly samples: readonly Sample[]
  readonly replays: readonly ReplayRecord[]
  readonly failures: readonly JobFailure[]
  /** Jobs that have neither a record nor failed. */
  readonly missing: number
}

export function rowsOf(plan: EvalPlan, groups: readonly PlannedGroup[], found: FoundRecords): Rows[] {
  const rows = new Map<string, Rows>()
  const references = referencesIn(plan, groups, found)
  for (const { configuration, jobs } of groups) {
    const keys = jobs.map((job) => ({ job, key: jobKey(job, plan) }))
    const samples = keys.flatMap(({ key }) => found.samples.get(key) ?? [])
    const replays = keys.flatMap(({ key }) => found.replays.get(key) ?? [])
    const failures = keys.flatMap(({ key }) => found.failures.get(key) ?? [])
    // A trace that turned out wrong, or that is missing itself, cannot be missed as a replay.
    const wanted = keys.filter(({ job }) => job.kind === 'sample' || references.has(sampleOf(job)))
    const missing = wanted.filter(({ key }) => !isFound(found, key)).length
    const name = JSON.stringify([policyOf(configuration), boundOf(configuration)])
    const row = rows.get(name)
    rows.set(name, {
      configuration,
      samples: [...(row?.samples ?? []), ...samples],
      replays: [...(row?.replays ?? []), ...replays],
      failures: [...(row?.failures ?? []), ...failures],
      missing: (row?.missing ?? 0) + missing,
    })
  }
  return [...rows.values()]
}

function referencesIn(plan: EvalPlan, groups: readonly PlannedGroup[], { samples }: FoundRecords): ReadonlySet<string> {
  const full = groups.find(({ configuration }) => areReferences(configuration))
  const recorded = (full?.jobs ?? []).flatMap((job) => samples.get(jobKey(job, plan)) ?? [])
  const given = groups[0] ? givenReferences(groups[0].task).keys() : []
  return new Set([...given, ...recorded.filter((sample) => sample.isReference).map(sampleOf)])
}

/** What the records of a configuration are compared with; undefined: there is none, or it is that itself. */
export interface Compared {
  readonly full: Rows | undefined
  readonly dynts: Rows | undefined
}

export function comparedWith(row: Rows, rows: readonly Rows[]): Compared {
  const full = rows.find(({ configuration }) => configuration.policy === 'full')
  return { full: full === row ? undefined : full, dynts: dyntsFor(row, rows) }
}

/** `dynts` with the same settings; for a policy without settings the only one, if there is one only. */
function dyntsFor({ configuration }: Rows, rows: readonly Rows[]): Rows | undefined {
  if (isDynts(configuration)) return undefined
  const all = rows.filter((row) => isDynts(row.configuration))
  if (configuration.budget === null) return all.length === 1 ? all[0] : undefined
  return all.find((row) => isDeepStrictEqual(boundOf(row.configuration), boundOf(configuration)))
}

function isDynts({ policy, protect }: Configuration): boolean {
  return policy === 'dynts' && protect.length === 0
}
