/**
 * Facts as a table for people: the keys become words, nested values one line.
 */
import { formatBytes } from '../models/memory-plan.ts'
import { formatTable } from './table.ts'

export function factsTable(facts: Readonly<Record<string, unknown>>): string {
  return formatTable(Object.entries(facts).map(([key, value]) => [label(key), show(value)]))
}

/** `kvHeads` becomes `kv heads`. */
function label(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function show(value: unknown): string {
  if (value === null || Number.isNaN(value)) return 'unknown'
  if (Array.isArray(value)) return value.join(' x ')
  if (typeof value === 'object') {
    return Object.entries(value)
      .map(([key, inner]) => `${label(key)} ${show(inner)}`)
      .join(', ')
  }
  if (typeof value === 'number' && value > 1e6) return formatBytes(value)
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)))
  return typeof value === 'string' ? value : JSON.stringify(value)
}
