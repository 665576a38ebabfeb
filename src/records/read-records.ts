/**
 * Reads files of records: of several with the same key the first counts.
 */
import type { z } from 'zod'
import { InputError } from '../errors.ts'
import { readLines, type Line } from './lines.ts'

export interface RecordFormat<T> {
  readonly schema: z.ZodType<T>
  /** What a record is the result of: two records with the same key say the same. */
  readonly keyOf: (record: T) => string
}

/**
 * The records of a file, one after another, each key once. A last line without an end is left out: it is being written, or a
 * kill has cut it off.
 * @throws InputError `records_not_found`, `invalid_records`
 */
export function* readRecords<T>(path: string, { schema, keyOf }: RecordFormat<T>): Generator<T, void, undefined> {
  const seen = new Set<string>()
  for (const { record } of readAllRecords(path, schema)) {
    const key = keyOf(record)
    if (seen.has(key)) continue
    seen.add(key)
    yield record
  }
}

/**
 * All records, with the lines that they are, whether a key came before or not.
 * @throws InputError `records_not_found`, `invalid_records`
 */
export function* readAllRecords<T>(
  path: string,
  schema: z.ZodType<T>,
): Generator<{ readonly record: T; readonly line: Line }, void, undefined> {
  for (const line of readLines(path)) {
    if (line.text.trim() !== '' && line.complete) yield { record: parseRecord(path, line, schema), line }
  }
}

/** @throws InputError `invalid_records`, which says what is wrong with the line and what to do */
export function parseRecord<T>(path: string, { text, number }: Line, schema: z.ZodType<T>): T {
  const value = parseJson(text)
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const why =
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? 'it is no JSON object'
      : whyNot(parsed.error.issues[0], value)
  throw new InputError(
    'invalid_records',
    `${path}, line ${number}, is damaged or of another kind: ${why}. If it is the right file, delete this line: what it told is then done anew.`,
  )
}

/** Undefined for a text that is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** What a schema does not like, as a clause: `the field model.name is missing`. */
export function whyNot(issue: z.core.$ZodIssue | undefined, value: unknown): string {
  if (!issue) return 'it is not as expected'
  const field = issue.path.map(String).join('.')
  const found = issue.path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  )
  if (found === undefined && field !== '') return `the field ${field} is missing`
  const message = issue.message.replace(/^Invalid input: /, '').replace(/, received .*$/, '')
  return field === '' ? message : `the field ${field} is wrong (${message})`
}
