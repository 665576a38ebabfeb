/** Domains of axes that the drawing library has no good answer for. */
import type { Row } from './figure.ts'

/**
 * Room around a single value: its axis would have no length, and ticks of millionths.
 * @param fields of which all values share an axis
 * @returns undefined: the values differ, or there are none
 */
export function singleValueDomain(rows: readonly Row[], fields: readonly string[]): [number, number] | undefined {
  const values = new Set(rows.flatMap((row) => fields.map((field) => row[field])).filter((value) => value != null))
  const [only] = values
  return values.size === 1 ? [Number(only) - 1, Number(only) + 1] : undefined
}
