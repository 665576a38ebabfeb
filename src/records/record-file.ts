/**
 * Results of long work, one self-contained line of JSON each, in a file that only grows. Work that was killed goes on where it
 * stopped, because a record's key says what it is the result of. Files may be larger than memory: only keys are kept. Knows
 * nothing of what the records mean.
 */
import { appendFileSync, existsSync, mkdirSync, renameSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import type { z } from 'zod'
import { InputError } from '../errors.ts'
import { readLines, type Line } from './lines.ts'

export interface RecordFileOptions<T> {
  readonly schema: z.ZodType<T>
  /** What a record is the result of: two records with the same key say the same. */
  readonly keyOf: (record: T) => string
  /** Puts a file that is there already aside, and begins a new one. */
  readonly fresh?: boolean | undefined
  /** Sees every record that is there already, once; of those with the same key the first. */
  readonly onExisting?: ((record: T) => void) | undefined
}

/** There must be only one writer of a file at a time (`withFileLock`). */
export class RecordFile<T> {
  readonly path: string
  readonly #options: RecordFileOptions<T>
  readonly #keys = new Set<string>()

  /**
   * Reads what is there. A last line that a kill has cut off is removed.
   * @throws InputError `invalid_records` for a line that is no such record, with its number; nothing is removed then
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

  /**
   * Appends a record; one whose key is there already is left out. Returns whether it was written.
   * @throws what the file system throws; there is no part of the record in the file then
   */
  add(record: T): boolean {
    const key = this.#options.keyOf(record)
    if (this.#keys.has(key)) return false
    const end = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
    try {
      appendFileSync(this.path, `${JSON.stringify(record)}\n`)
    } catch (error) {
      // A full disk takes a part of a line, and the next record would continue it.
      if (existsSync(this.path)) truncateSync(this.path, end)
      throw error
    }
    this.#keys.add(key)
    return true
  }

  #readExisting(): void {
    const { schema, keyOf, onExisting } = this.#options
    let end = 0
    let cut: Line | undefined
    for (const line of readLines(this.path)) {
      if (!line.complete) {
        cut = line
        break
      }
      end = line.end
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
    truncateSync(this.path, end)
  }
}

/**
 * The records of a file, one after another. A last line without an end is left out: it is being written, or a kill has cut
 * it off.
 * @throws InputError `records_not_found`, `invalid_records`
 */
export function* readRecords<T>(path: string, schema: z.ZodType<T>): Generator<T, void, undefined> {
  for (const line of readLines(path)) {
    if (line.text.trim() !== '' && line.complete) yield parseRecord(path, line, schema)
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

function parseRecord<T>(path: string, { text, number }: Line, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  const why = parsed.error.issues[0]
  const where = why && why.path.length > 0 ? `${why.path.join('.')}: ` : ''
  throw new InputError('invalid_records', `${path}, line ${number}, is not as expected: ${where}${why?.message ?? ''}.`)
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
