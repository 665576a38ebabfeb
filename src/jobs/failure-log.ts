/**
 * Jobs that failed, and why: a file beside the records, which have a line for each success only. A failure counts as long as
 * there is no record with its key, so that a later success takes its place.
 */
import { existsSync } from 'node:fs'
import { z } from 'zod'
import type { WriteLock } from '../records/file-lock.ts'
import { readRecords, type RecordFormat } from '../records/read-records.ts'
import { RecordFile } from '../records/record-file.ts'

const failureRecord = z.object({
  schema: z.literal('dynts.failure/1'),
  /** Of the record that a success would have. */
  key: z.string(),
  /** What the job is, for people. */
  job: z.string(),
  reason: z.string(),
  versions: z.record(z.string(), z.string()),
  at: z.iso.datetime(),
})
export type JobFailure = Readonly<z.infer<typeof failureRecord>>

const failures: RecordFormat<JobFailure> = { schema: failureRecord, keyOf: ({ key, at }) => `${key} ${at}` }

export class FailureLog {
  readonly #path: string
  readonly #lock: WriteLock
  #file: RecordFile<JobFailure> | undefined

  /** Makes no file until something fails. */
  constructor(path: string, lock: WriteLock) {
    this.#path = path
    this.#lock = lock
  }

  /** One that is there already is left out. */
  add(failure: Omit<JobFailure, 'schema'>): void {
    this.#file ??= RecordFile.open(this.#path, { ...failures, lock: this.#lock })
    this.#file.add({ schema: 'dynts.failure/1', ...failure })
  }
}

/** All that is in a log; none if there is no such file. @throws InputError `invalid_records` */
export function readFailures(path: string): JobFailure[] {
  return existsSync(path) ? [...readRecords(path, failures)] : []
}
