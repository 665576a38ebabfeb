/** The records of a file of questions, whatever its format, each with the place that messages name. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { InputError } from '../errors.ts'
import { readLines } from '../records/lines.ts'
import { parseCsv } from './tasks/csv.ts'

export interface Row {
  readonly fields: Readonly<Record<string, unknown>>
  /** `line 3`, `item 3` or `row 3`, from 1. */
  readonly place: string
}

const parquetMagic = 'PAR1'
const byteOrderMark = '\uFEFF'

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
  let stats
  try {
    stats = statSync(path)
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : (cause as Error).message
    throw new InputError('questions_not_found', `The file of questions ${path}: ${why}.`, { cause })
  }
  if (stats.isDirectory()) {
    throw new InputError('questions_not_found', `${path} is a folder. Name a .jsonl, .json or .parquet file in it.`)
  }
  if (stats.isFile() && stats.size === 0) throw new InputError('invalid_questions', `${path} is empty.`)
  let file
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    throw new InputError('questions_not_found', `${path} cannot be read: ${(cause as Error).message}.`, { cause })
  }
  try {
    const chunk = Buffer.alloc(4096)
    return chunk.toString('utf8', 0, readSync(file, chunk))
  } finally {
    closeSync(file)
  }
}

function lineRows(path: string, limit: number): Row[] {
  const rows: Row[] = []
  for (const { text, number } of readLines(path)) {
    if (rows.length >= limit) break
    const line = number === 1 ? text.replace(byteOrderMark, '') : text
    if (line.trim() !== '') rows.push(rowOf(parsed(line, `${path}: line ${number}`), path, `line ${number}`))
  }
  return rows
}

function arrayRows(path: string, limit: number): Row[] {
  const items = parsed(readFileSync(path, 'utf8').replace(byteOrderMark, ''), path)
  if (!Array.isArray(items)) throw new InputError('invalid_questions', `${path} is not a JSON array of questions.`)
  return items.slice(0, limit).map((item, i) => rowOf(item, path, `item ${i + 1}`))
}

function csvRows(path: string, limit: number): Row[] {
  firstBytes(path)
  const rows = parseCsv(readFileSync(path, 'utf8'), path)
  return rows.slice(0, limit).map((fields, i) => ({ fields, place: `row ${i + 1}` }))
}

async function parquetRows(path: string, limit: number): Promise<Row[]> {
  try {
    const file = await asyncBufferFromFile(path)
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
