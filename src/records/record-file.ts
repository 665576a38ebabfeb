/**
 * Results of long work, one self-contained line of JSON each, in a file that only grows. Work that was killed goes on where it
 * stopped, because a record's key says what it is the result of. Files may be larger than memory: only keys are kept. Knows
 * nothing of what the records mean.
 */
import { appendFileSync, existsSync, mkdirSync, renameSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { InputError } from '../errors.ts'
import { readLines } from './lines.ts'

export interface RecordFileOptions<T> {
  readonly schema: z.ZodType<T>
  /** What a record is the result of: two records with the same key say the same. */
  readonly keyOf: (record: T) => string
  /** Puts a file that is there already aside, and begins a new one. */
  readonly fresh?: boolean | undefined
  /** Sees every record that is there already, once. */
  readonly onExisting?: ((record: T) => void) | undefined
}

/** There must be only one writer of a file at a time (`withFileLock`). */
export class RecordFile<T> {
  readonly path: string
  readonly #options: RecordFileOptions<T>
  readonly #keys = new Set<string>()

  /**
   * Reads what is there. A last line that a kill has cut off is removed.
   * @throws InputError `invalid_records` for a line that is no such record, with its number
   */
  static open<T>(path: string, options: RecordFileOptions<T>): RecordFile<T> {
    mkdirSync(dirname(path), { recursive: true })
    if (options.fresh === true) putAside(path)
    const file = new RecordFile<T>(path, options)
    if (existsSync(path)) file.#readExisting()
    return file
  }

  private constructor(path: string, options: RecordFileOptions<T>) {
    this.path = path
    this.#options = options
  }

  get size(): number {
    return this.#keys.size
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }

  /** In the order in which they were written, read from the file anew. */
  values(): Generator<T, void, undefined> {
    return existsSync(this.path) ? readRecords(this.path, this.#options.schema) : nothing()
  }

  /** Appends a record; one whose key is there already is left out. Returns whether it was written. */
  add(record: T): boolean {
    const key = this.#options.keyOf(record)
    if (this.#keys.has(key)) return false
    appendFileSync(this.path, `${JSON.stringify(record)}\n`)
    this.#keys.add(key)
    return true
  }

  #readExisting(): void {
    let end = 0
    let isCut = false
    for (const line of readLines(this.path)) {
      isCut = !line.complete
      if (isCut) break
      end = line.end
    }
    if (isCut) truncateSync(this.path, end)
    for (const record of readRecords(this.path, this.#options.schema)) {
      this.#keys.add(this.#options.keyOf(record))
      this.#options.onExisting?.(record)
    }
  }
}

/**
 * The records of a file, one after another. A last line without an end is left out: it is being written, or a kill has cut
 * it off.
 * @throws InputError `records_not_found`, `invalid_records`
 */
export function* readRecords<T>(path: string, schema: z.ZodType<T>): Generator<T, void, undefined> {
  for (const { text, number, complete } of readLines(path)) {
    if (text.trim() === '' || !complete) continue
    const parsed = schema.safeParse(parseJson(text))
    if (!parsed.success) {
      const why = parsed.error.issues[0]
      const where = why && why.path.length > 0 ? `${why.path.join('.')}: ` : ''
      throw new InputError(
        'invalid_records',
        `${path}, line ${number}, is not as expected: ${where}${why?.message ?? ''}.`,
      )
    }
    yield parsed.data
  }
}

/** Renames a file or folder, so that nothing that took long is lost. */
export function putAside(path: string): void {
  if (!existsSync(path)) return
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  renameSync(path, `${path}.until-${time}`)
}

function* nothing(): Generator<never, void, undefined> {
  // There is no file yet.
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
