/**
 * A table for people: the first column to the left, the others, of numbers, to the right. Widths count characters, without colours.
 */
import { textWidth } from './text-width.ts'

/** @param of what the columns behind the first have: texts are to the left as well */
export function formatTable(rows: readonly (readonly string[])[], of: 'numbers' | 'texts' = 'numbers'): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => textWidth(row[i] ?? ''))))
  return rows
    .map((row) =>
      row
        .map((cell, i) => pad(cell, widths[i] ?? 0, i > 0 && of === 'numbers'))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, columns: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, columns - textWidth(cell)))
  return right ? space + cell : cell + space
}
