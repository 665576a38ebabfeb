/** The failures of one run: each is told, and kept in the log beside the records. */
import type { WriteLock } from '../records/file-lock.ts'
import { FailureLog } from './failure-log.ts'
import { FailureNotes } from './failure-notes.ts'

export interface RunFailuresOptions {
  readonly lock: WriteLock
  /** Of what the run is carried out with. */
  readonly versions: Readonly<Record<string, string>>
  readonly onNote: ((text: string) => void) | undefined
}

export class RunFailures {
  readonly #log: FailureLog
  readonly #notes: FailureNotes
  readonly #versions: RunFailuresOptions['versions']

  /** @param path of the log */
  constructor(path: string, { lock, versions, onNote }: RunFailuresOptions) {
    this.#log = new FailureLog(path, lock)
    this.#notes = new FailureNotes((text) => onNote?.(text))
    this.#versions = { ...versions }
  }

  /**
   * @param key of the record that a success would have
   * @param title what the job is, for people
   */
  add(key: string, title: string, { message: reason }: Error): void {
    this.#notes.tell(title, reason)
    this.#log.add({ key, job: title, reason, versions: this.#versions, at: new Date().toISOString() })
  }
}
