/**
 * A table for people: the first column to the left, the others, of numbers, to the right. Widths count characters, without colours.
 */
import { textWidth } from './text-width.ts'
import { WordWrap } from './word-wrap.ts'

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

/**
 * Texts in columns that are together no wider than so many characters, if no word is wider than its column: the widest give way, and
 * what does not fit into one goes on below.
 */
export function wrappedTable(rows: readonly (readonly string[])[], width: number): string {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, i) => Math.max(...rows.map((row) => textWidth(row[i] ?? ''))))
  const least = Array.from({ length: count }, (_, i) =>
    Math.max(...rows.map((row) => Math.max(...(row[i] ?? '').split(' ').map(textWidth)))),
  )
  const room = width - 2 * (count - 1)
  while (widths.reduce((sum, one) => sum + one, 0) > room) {
    const spare = widths.map((one, i) => (one > (least[i] ?? 0) ? one : 0))
    const widest = spare.indexOf(Math.max(...spare))
    if (spare[widest] === 0) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  const wrapped = rows.flatMap((row) => {
    const cells = row.map((cell, i) => wrap(cell, widths[i] ?? 0))
    const height = Math.max(...cells.map(({ length }) => length))
    return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ''))
  })
  return formatTable(wrapped, 'texts')
}

function wrap(text: string, width: number): string[] {
  const words = new WordWrap(() => width)
  return (words.push(text) + words.flush()).split('\n').map((line) => line.trimStart())
}

function pad(cell: string, columns: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, columns - textWidth(cell)))
  return right ? space + cell : cell + space
}
