/**
 * Jobs that failed, and why: a file beside the records, which have a line for each success only. A failure counts as long as
 * there is no record with its key, so that a later success takes its place.
 */
import { existsSync } from 'node:fs'
import { z } from 'zod'
import { RecordFile, readRecords } from '../records/record-file.ts'

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

export class FailureLog {
  readonly #path: string
  #file: RecordFile<JobFailure> | undefined

  /** Makes no file until something fails. */
  constructor(path: string) {
    this.#path = path
  }

  /** One that is there already is left out. */
  add(failure: Omit<JobFailure, 'schema'>): void {
    this.#file ??= RecordFile.open(this.#path, {
      schema: failureRecord,
      keyOf: ({ key, at }) => `${key} ${at}`,
    })
    this.#file.add({ schema: 'dynts.failure/1', ...failure })
  }
}

/** All that is in a log; none if there is no such file. @throws InputError `invalid_records` */
export function readFailures(path: string): JobFailure[] {
  return existsSync(path) ? [...readRecords(path, failureRecord)] : []
}
