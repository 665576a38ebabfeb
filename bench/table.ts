/**
 * A record as a table for people.
 */
import { spread, type Spread, type Target } from './measurements.ts'
import type { BenchRecord } from './record.ts'

export function renderRecord(record: BenchRecord): string {
  const { scenario, part, stopped, rounds, settings, targets, notes } = record
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))]
  const measured = names.flatMap((name) => {
    const values = spread(rounds.map((round) => round[name]))
    if (!values) return []
    const remarks = [record.units[name] ?? '', verdict(values, targets[name])]
    return [[name, ...cells(values), remarks.filter((text) => text !== '').join(', ')]]
  })
  const ratios = record.ratios.map((ratio) => [ratio.name, ...cells(ratio), verdict(ratio, ratio.target)])
  const lines = [
    `${scenario}: ${part}${stopped ? ' (stopped early)' : ''}`,
    `  ${facts(settings)}`,
    ...align([['', 'median', 'min', 'max', ''], ...measured, ...ratios]).map((line) => `  ${line}`),
    ...notes.map((note) => `  Note: ${note}`),
  ]
  if (rounds.length === 0) lines.push('  nothing was measured')
  return `${lines.join('\n')}\n`
}

function cells({ median, min, max }: Spread): string[] {
  return [median, min, max].map((value) => value.toPrecision(Math.abs(value) >= 1000 ? 5 : 4))
}

/** Whether the target is met. */
function verdict({ median, min, max }: Spread, target: Target | undefined): string {
  if (!target) return ''
  const { atLeast = -Infinity, atMost = Infinity } = target
  const bounds = [
    ...(target.atLeast === undefined ? [] : [`at least ${target.atLeast}`]),
    ...(target.atMost === undefined ? [] : [`at most ${target.atMost}`]),
  ]
  const [low, high] = target.always ? [min, max] : [median, median]
  return `${low >= atLeast && high <= atMost ? 'meets' : 'MISSES'} ${bounds.join(' and ')}`
}

function facts(settings: Readonly<Record<string, unknown>>): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(', ') : String(value)}`)
    .join(' · ')
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => {
    return row
      .map((cell, column) => {
        const isNumber = column >= 1 && column <= 3
        return isNumber ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
      })
      .join('  ')
      .trimEnd()
  })
}
