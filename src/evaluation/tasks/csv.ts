/** Tables in comma-separated values (RFC 4180), as GPQA is published. */
import Papa from 'papaparse'
import { InputError } from '../../errors.ts'

/**
 * Rows as objects by the names in the first line. Fields in quotes may hold commas, line breaks and doubled quotes; lines end
 * with LF or CRLF, which becomes LF; a byte order mark and empty lines do not count.
 * @param source named in errors
 * @throws InputError `invalid_csv` for a quote that is not closed, or a row with another number of fields than the first
 */
export function parseCsv(text: string, source: string): Record<string, string>[] {
  const options = { header: true, delimiter: ',', newline: '\n', skipEmptyLines: true } as const
  const { data, errors } = Papa.parse<Record<string, string>>(text.replaceAll('\r\n', '\n'), options)
  const [error] = errors
  if (error === undefined) return data
  const row = error.row === undefined ? '' : `, row ${error.row + 1} after the header,`
  const what = error.type === 'Quotes' ? 'see the quotes there' : error.message
  throw new InputError('invalid_csv', `${source}${row} is not a table in CSV: ${what}.`)
}
