/**
 * Facts as a table for people: the keys become words, and each nested value has a line of its own.
 */
import { isObject } from '../../is-object.ts'
import { formatBytes } from '../../models/memory-plan.ts'
import { textWidth } from './text-width.ts'

/** A number whose name ends in `Bytes` becomes KiB, MiB ...; `schema` is for programs, and left out. */
export function factsTable(facts: Readonly<Record<string, unknown>>): string {
  const rows = rowsOf(facts, '').filter(([name]) => name !== 'schema')
  const width = Math.max(0, ...rows.map(([name]) => textWidth(name)))
  return rows.map(([name, value]) => `${name}${' '.repeat(width - textWidth(name))}  ${value}`).join('\n')
}

function rowsOf(facts: object, prefix: string): [string, string][] {
  return Object.entries(facts).flatMap(([key, value]: [string, unknown]) => {
    const name = `${prefix}${label(key)}`
    return isObject(value) ? rowsOf(value, `${name}, `) : [[name, show(value, name.endsWith(' bytes'))]]
  })
}

/** `kvHeads` becomes `kv heads`. */
function label(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

function show(value: unknown, inBytes: boolean): string {
  if (value === null || Number.isNaN(value)) return 'unknown'
  if (Array.isArray(value)) return value.join(' x ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number' && inBytes) return formatBytes(value)
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)))
  return typeof value === 'string' ? value : JSON.stringify(value)
}
