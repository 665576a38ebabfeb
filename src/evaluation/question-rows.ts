/** The records of a file of questions, whatever its format, each with the place that messages name. */
import { closeSync, readSync } from 'node:fs'
import { extname } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { InputError } from '../errors.ts'
import { byteOrderMark, openInput, readableFile, readWholeText } from '../records/input-file.ts'
import { readLines } from '../records/lines.ts'
import { parseCsv } from './tasks/csv.ts'

export interface Row {
  readonly fields: Readonly<Record<string, unknown>>
  /** `line 3`, `item 3` or `row 3`, from 1. */
  readonly place: string
}

const parquetMagic = 'PAR1'
const codes = { missing: 'questions_not_found', invalid: 'invalid_questions' }

/**
 * The first `limit` records of a CSV file (by its name), a JSON Lines file (blank lines do not count), a JSON array or a Parquet
 * file (by how they begin).
 * @throws InputError `questions_not_found`, `invalid_questions`, `invalid_csv`
 */
export async function readRows(path: string, limit = Infinity): Promise<Row[]> {
  if (extname(path).toLowerCase() === '.csv') return csvRows(path, limit)
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

function lineRows(path: string, limit: number): Row[] {
  const rows: Row[] = []
  for (const { text, number } of readLines(path, codes)) {
    if (rows.length >= limit) break
    if (text.trim() !== '') rows.push(rowOf(parsed(text, `${path}: line ${number}`), path, `line ${number}`))
  }
  return rows
}

function arrayRows(path: string, limit: number): Row[] {
  const items = parsed(readWholeText(path, codes), path)
  if (!Array.isArray(items)) throw new InputError('invalid_questions', `${path} is not a JSON array of questions.`)
  return items.slice(0, limit).map((item, i) => rowOf(item, path, `item ${i + 1}`))
}

function csvRows(path: string, limit: number): Row[] {
  firstBytes(path)
  const rows = parseCsv(readWholeText(path, codes), path)
  return rows.slice(0, limit).map((fields, i) => ({ fields, place: `row ${i + 1}` }))
}

async function parquetRows(path: string, limit: number): Promise<Row[]> {
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

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new InputError('invalid_questions', `${where} is not JSON: ${(cause as Error).message}.`, { cause })
  }
}

function rowOf(value: unknown, path: string, place: string): Row {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return { fields: value as Record<string, unknown>, place }
  }
  throw new InputError('invalid_questions', `${path}: ${place} is not a JSON object with a question and an answer.`)
}
