/** How numbers and configurations are written in Markdown tables. */
import { shareText } from '../../cache/budget.ts'
import { percent } from '../../percent.ts'
import { formatPolicyReference } from '../../eviction/protect.ts'
import type { Estimate } from '../metrics/estimate.ts'
import type { ConfigurationSummary } from './summarise.ts'

export interface Column<Row> {
  readonly name: string
  /** Nothing is an empty cell. */
  readonly cell: (row: Row) => string | null | undefined
  readonly isLeftOut?: boolean
}

export function tableOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const shown = columns.filter(({ isLeftOut }) => isLeftOut !== true)
  return markdown(
    shown.map(({ name }) => name),
    rows.map((row) => shown.map(({ cell }) => cell(row) ?? '')),
  )
}

type TableRow = readonly string[]

/** First column to the left, the others to the right; padded, so that it reads well as it is. */
export function markdown(header: TableRow, rows: readonly TableRow[]): string {
  const widths = header.map((_, i) => Math.max(3, ...[header, ...rows].map((row) => (row[i] ?? '').length)))
  const line = (row: TableRow) =>
    `| ${widths.map((width, i) => (i === 0 ? (row[i] ?? '').padEnd(width) : (row[i] ?? '').padStart(width))).join(' | ')} |`
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [line(header), line(rule), ...rows.map(line)].join('\n')
}

/** The settings of all bounded rows, if they are the same. */
export function commonSettings(rows: readonly ConfigurationSummary[]): string | undefined {
  const all = new Set(
    rows
      .filter(({ budget }) => budget !== null)
      .map(
        ({ budget, localWindow, ratio, evictEvery }) =>
          `B ${budget ?? ''}, W_l ${localWindow ?? ''}, ${shareText({ ratio, evictEvery })}`,
      ),
  )
  return all.size > 1 ? undefined : ([...all][0] ?? 'full cache')
}

/** With what it protects additionally, its options, its segments and reserve, and the beginning of its file's hash. */
export function policyName(one: ConfigurationSummary): string {
  const options = Object.entries(one.policyOptions).map(([name, value]) => `${name}=${String(value)}`)
  if (one.segments !== null) options.push(`segments=${one.segments}`)
  if (one.valueReserve !== null) options.push(`value-reserve=${one.valueReserve}`)
  return [`\`${formatPolicyReference(one)}\``, ...options, one.policyHash?.slice(0, 7) ?? ''].join(' ').trimEnd()
}

/** e.g. `88.8 % to 93.8 %`; a dash where there are too few items. */
export function intervalOf({ interval }: Estimate, format: (share: number) => string = percent): string {
  return interval ? `${format(interval.low)} to ${format(interval.high)}` : '-'
}

/** e.g. `91.4 % (88.8 to 93.8)`; empty: there is none. */
export function percentWithin(share: Estimate | undefined): string {
  return share ? `${percent(share.mean)} ${intervalText(share, (bound) => (bound * 100).toFixed(1))}`.trimEnd() : ''
}

/** A difference of shares, e.g. `-2.6 (-4.6 to -0.6)`; empty: there is none. */
export function points(shares: Estimate | null): string {
  return difference(shares, (share) => signed(share * 100, 1))
}

/** With its interval in brackets, if it has one; empty: there is none. */
export function difference(of: Estimate | null | undefined, format: (value: number) => string): string {
  return of ? `${format(of.mean)} ${intervalText(of, format)}`.trimEnd() : ''
}

/** e.g. `(12.0 % to 15.5 %)`; empty where there is none. */
export function intervalText(of: Estimate | null, format: (value: number) => string): string {
  return of?.interval ? `(${intervalOf(of, format)})` : ''
}

/** For the sentence above a table: `, with 95 % intervals`; empty where there are too few items for any. */
export function withIntervals(of: readonly (Estimate | null | undefined)[]): string {
  return of.some((one) => one?.interval) ? ', with 95 % intervals' : ''
}

export function signed(value: number, digits: number): string {
  const text = value.toFixed(digits)
  if (Number(text) === 0) return text.replace('-', '')
  return value > 0 ? `+${text}` : text
}

/** Tokens per second. A large model on a small machine makes less than ten, and less than one. */
export function speed(value: number | null | undefined): string {
  if (value === null || value === undefined || value === 0) return ''
  return value.toFixed(value < 1 ? 2 : value < 10 ? 1 : 0)
}
