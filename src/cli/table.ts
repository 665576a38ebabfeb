/**
 * A table for people: the first column to the left, the others to the right. Widths count characters, without colours.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => width(row[i] ?? ''))))
  return rows
    .map((row) =>
      row
        .map((cell, i) => pad(cell, widths[i] ?? 0, i > 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function pad(cell: string, columns: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, columns - width(cell)))
  return right ? space + cell : cell + space
}

function width(text: string): number {
  return Array.from(new Intl.Segmenter().segment(text)).length
}
