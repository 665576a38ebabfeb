/**
 * Tables in comma-separated values (RFC 4180), as GPQA is published. Knows nothing of what the columns mean.
 */
import { InputError } from '../../errors.ts'

/**
 * Rows as objects by the names in the first line. Fields in quotes may hold commas, line breaks and doubled quotes; lines end
 * with LF or CRLF; a byte order mark and empty lines do not count.
 * @param source named in errors
 * @throws InputError `invalid_csv` for a quote that is not closed, or a row with another number of fields than the first
 */
export function parseCsv(text: string, source: string): Record<string, string>[] {
  const [header = [], ...rows] = splitRows(text.replace(/^\uFEFF/, ''), source).filter(
    (row) => row.length > 1 || row[0] !== '',
  )
  return rows.map((row, i) => {
    if (row.length !== header.length) {
      throw new InputError(
        'invalid_csv',
        `${source}, row ${i + 1} after the header, has ${row.length} fields and not ${header.length}.`,
      )
    }
    return Object.fromEntries(header.map((name, column) => [name, row[column] ?? '']))
  })
}

function splitRows(text: string, source: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  // One field, plain or in quotes, and what ends it.
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y
  for (;;) {
    const at = field.lastIndex
    const match = field.exec(text)
    if (!match) {
      throw new InputError(
        'invalid_csv',
        `${source} is not a table in CSV: see the quotes in row ${rows.length + 1} at ${at}.`,
      )
    }
    const [, quoted, plain = '', end] = match
    row.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === ',') continue
    rows.push(row)
    row = []
    if (end === '' || field.lastIndex === text.length) return rows
  }
}
