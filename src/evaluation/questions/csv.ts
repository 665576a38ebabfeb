/** Tables in comma-separated values (RFC 4180), as GPQA is published, or separated by semicolons or tabs. */
import Papa from 'papaparse'
import { InputError } from '../../errors.ts'

/**
 * Rows as objects by the names in the first line. Fields in quotes may hold commas, line breaks and doubled quotes; lines end
 * with LF or CRLF, which becomes LF; a byte order mark and empty lines do not count.
 * @param source named in errors
 * @throws InputError `invalid_csv` for a quote that is not closed, a row with another number of fields than the first, or two fields of
 *   the same name
 */
export function parseCsv(text: string, source: string): Record<string, string>[] {
  const lines = text.replaceAll('\r\n', '\n')
  const common = { delimiter: delimiterOf(lines), newline: '\n', skipEmptyLines: true } as const
  const [names = []] = Papa.parse<string[]>(lines, { ...common, preview: 1 }).data
  const repeated = names.find((name, i) => names.indexOf(name) !== i)
  if (repeated !== undefined) {
    throw new InputError(
      'invalid_csv',
      `${source} has two columns called "${repeated}". Give one of them another name.`,
    )
  }
  const { data, errors } = Papa.parse<Record<string, string>>(lines, { ...common, header: true })
  const [error] = errors
  if (error === undefined) return data
  const row = error.row === undefined ? '' : `, row ${error.row + 1} after the header,`
  const what = error.type === 'Quotes' ? 'see the quotes there' : error.message
  throw new InputError('invalid_csv', `${source}${row} is not a table in CSV: ${what}.`)
}

/** What separates the names in the first line: a comma, unless there is none and there are others. */
function delimiterOf(text: string): ',' | ';' | '\t' {
  const [header = ''] = text.split('\n', 1)
  if (header.includes(',')) return ','
  return header.includes('\t') ? '\t' : header.includes(';') ? ';' : ','
}
