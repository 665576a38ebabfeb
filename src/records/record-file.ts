/**
 * Results of long work, one self-contained line of JSON each, in a file that only grows. Work that was killed goes on where it
 * stopped, because a record's key says what it is the result of. Files may be larger than memory: only keys are kept.
 */
import { appendFileSync, closeSync, existsSync, fstatSync, fsyncSync, openSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { checkRegular } from './atomic-file.ts'
import { writing } from './file-failure.ts'
import type { WriteLock } from './file-lock.ts'
import { readLines, type Line } from './lines.ts'
import { makeFolder } from './make-folder.ts'
import { moveToBackup } from './backup.ts'
import { parseJson, parseRecord, type RecordFormat } from './read-records.ts'

/** So long a record may be in the memory of the operating system alone. */
const syncMs = 1000

export interface RecordFileOptions<T> extends RecordFormat<T> {
  /** Under which the file is written, and with which it is closed. */
  readonly lock: WriteLock
  /** Puts a file that is there already aside, and begins a new one. */
  readonly fresh?: boolean | undefined
  /** Sees every record that is there already, once; of those with the same key the first. */
  readonly onExisting?: ((record: T) => void) | undefined
}

export class RecordFile<T> {
  readonly path: string
  readonly #options: RecordFileOptions<T>
  readonly #keys = new Set<string>()
  #file: number | undefined
  #syncTimer: NodeJS.Timeout | undefined
  #syncFailure: unknown

  /**
   * Reads what is there. A last line that a kill has cut off is removed.
   * @throws InputError `invalid_records` for a line that is no such record, with its number; nothing is removed then.
   *   `invalid_output` for a file that cannot be written
   */
  static open<T>(path: string, options: RecordFileOptions<T>): RecordFile<T> {
    makeFolder(dirname(path))
    checkRegular(path)
    options.lock.check()
    if (options.fresh === true) moveToBackup(path)
    const file = new RecordFile<T>(path, options)
    if (existsSync(path)) {
      file.#open()
      file.#readExisting()
    }
    return file
  }

  private constructor(path: string, options: RecordFileOptions<T>) {
    this.path = path
    this.#options = options
    options.lock.onRelease(() => this.#close())
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /**
   * Appends a record; one whose key is there already is left out. It outlives a kill at once, and a power cut a second later.
   * @returns whether it was written
   * @throws InputError `invalid_output`, `disk_full`; EngineError `lock_lost`. There is no part of the record in the file then
   */
  add(record: T): boolean {
    const key = this.#options.keyOf(record)
    if (this.#keys.has(key)) return false
    this.#options.lock.check()
    writing(this.path, () => {
      this.#throwSyncFailure()
      append(this.path, this.#open(), `${JSON.stringify(record)}\n`)
    })
    this.#keys.add(key)
    this.#syncTimer ??= setTimeout(() => this.#sync(), syncMs).unref()
    return true
  }

  #open(): number {
    this.#file ??= writing(this.path, () => openSync(this.path, 'a'))
    return this.#file
  }

  #sync(): void {
    this.#syncTimer = undefined
    try {
      if (this.#file !== undefined) fsyncSync(this.#file)
    } catch (error) {
      this.#syncFailure ??= error
    }
  }

  #throwSyncFailure(): void {
    if (this.#syncFailure !== undefined) throw this.#syncFailure as Error
  }

  #close(): void {
    clearTimeout(this.#syncTimer)
    this.#sync()
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    writing(this.path, () => this.#throwSyncFailure())
  }

  #readExisting(): void {
    const { schema, keyOf, onExisting } = this.#options
    let cut: Line | undefined
    for (const line of readLines(this.path)) {
      if (!line.complete) {
        cut = line
        break
      }
      if (line.text.trim() === '') continue
      const record = parseRecord(this.path, line, schema)
      const key = keyOf(record)
      if (this.#keys.has(key)) continue
      this.#keys.add(key)
      onExisting?.(record)
    }
    if (!cut) return
    // Somebody else's file may have no line feed at its end: only what a record begins with may be removed from it.
    const begins = '{"'.startsWith(cut.text.slice(0, 2)) && parseJson(cut.text) === undefined
    if (this.#keys.size === 0 && !begins) parseRecord(this.path, cut, schema)
    truncateSync(this.path, cut.start)
  }
}

function append(path: string, file: number, line: string): void {
  const end = fstatSync(file).size
  try {
    appendFileSync(file, line)
  } catch (error) {
    // A full disk takes a part of a line, and the next record would continue it.
    truncateSync(path, end)
    throw error
  }
}
