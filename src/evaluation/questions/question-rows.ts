/** The records of a file of questions, whatever its format, each with the place that messages name. */
import { closeSync, readSync } from 'node:fs'
import { extname } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { InputError } from '../../errors.ts'
import { isObject } from '../../is-object.ts'
import { byteOrderMark, openInput, readableFile, readWholeText } from '../../records/input-file.ts'
import { readLines, type Line } from '../../records/lines.ts'
import { parseCsv } from './csv.ts'
import { parseJson, tableOf } from './question-json.ts'

export interface QuestionRow {
  readonly fields: Readonly<Record<string, unknown>>
  /** `line 3`, `item 3` or `row 3`, from 1. */
  readonly place: string
}

const parquetMagic = 'PAR1'
const codes = { missing: 'questions_not_found', invalid: 'invalid_questions' }

/**
 * The first `limit` records of a table in text (`.csv`, `.tsv`), a JSON Lines file (blank lines do not count), a JSON array, an object
 * that holds a table (`tableOf`), or a Parquet file.
 * @throws InputError `questions_not_found`, `invalid_questions`, `invalid_csv`
 */
export async function readRows(path: string, limit = Infinity): Promise<QuestionRow[]> {
  if (['.csv', '.tsv'].includes(extname(path).toLowerCase())) return csvRows(path, limit)
  const start = firstBytes(path)
  if (start.startsWith(parquetMagic)) return parquetRows(path, limit)
  const first = start.replace(byteOrderMark, '').trimStart()
  return first.startsWith('[') ? arrayRows(path, limit) : lineRows(path, limit)
}

function firstBytes(path: string): string {
  const file = openInput(path, codes)
  try {
    const chunk = Buffer.alloc(4096)
    const bytes = readSync(file, chunk)
    if (bytes === 0) throw new InputError('invalid_questions', `${path} is empty.`)
    return chunk.toString('utf8', 0, bytes)
  } finally {
    closeSync(file)
  }
}

function lineRows(path: string, limit: number): QuestionRow[] {
  const rows: QuestionRow[] = []
  let isOnly = true
  for (const line of readLines(path, codes)) {
    if (line.text.trim() === '') continue
    if (rows.length === 0 && isFirstOfMany(line)) return objectRows(path, limit)
    isOnly = rows.length === 0
    if (rows.length >= limit) break
    rows.push(rowOf(parsedLine(line, path), path, `line ${line.number}`))
  }
  const [first] = rows
  const table = first && isOnly ? tableOf(first.fields) : undefined
  return table ? toRows(table, path, limit) : rows
}

/** Whether an object begins in this line that does not end in it. */
function isFirstOfMany({ text, complete }: Line): boolean {
  try {
    JSON.parse(text)
    return false
  } catch {
    return complete && /^\s*\{\s*(?:"(?:[^"\\]|\\.)*"\s*:.*[[{,]\s*)?$/.test(text)
  }
}

function objectRows(path: string, limit: number): QuestionRow[] {
  const whole = parseJson(readWholeText(path, codes), path)
  if (!isObject(whole)) throw new InputError('invalid_questions', `${path} is not a JSON object.`)
  return toRows(tableOf(whole) ?? [whole], path, limit)
}

function toRows(records: readonly unknown[], path: string, limit: number): QuestionRow[] {
  return records.slice(0, limit).map((record, i) => rowOf(record, path, `item ${i + 1}`))
}

function parsedLine({ text, number, isUtf8 }: Line, path: string): unknown {
  if (!isUtf8)
    throw new InputError('invalid_questions', `${path}: line ${number} is not UTF-8. Save the file as UTF-8.`)
  return parseJson(text, `${path}: line ${number}`)
}

function arrayRows(path: string, limit: number): QuestionRow[] {
  const items = parseJson(readWholeText(path, codes), path)
  if (!Array.isArray(items)) throw new InputError('invalid_questions', `${path} is not a JSON array of questions.`)
  return toRows(items, path, limit)
}

function csvRows(path: string, limit: number): QuestionRow[] {
  firstBytes(path)
  const rows = parseCsv(readWholeText(path, codes), path)
  return rows.slice(0, limit).map((fields, i) => ({ fields, place: `row ${i + 1}` }))
}

async function parquetRows(path: string, limit: number): Promise<QuestionRow[]> {
  try {
    const file = await asyncBufferFromFile(readableFile(path, codes))
    const metadata = await parquetMetadataAsync(file)
    const rowEnd = Math.min(limit, Number(metadata.num_rows))
    const rows = await parquetReadObjects({ file, metadata, compressors, rowEnd })
    return rows.map((fields, i) => ({ fields, place: `row ${i + 1}` }))
  } catch (cause) {
    const why = (cause as Error).message
    throw new InputError('invalid_questions', `${path} is not a readable Parquet file: ${why}.`, { cause })
  }
}

function rowOf(value: unknown, path: string, place: string): QuestionRow {
  if (isObject(value)) return { fields: value, place }
  throw new InputError('invalid_questions', `${path}: ${place} is not a JSON object with a question and an answer.`)
}
