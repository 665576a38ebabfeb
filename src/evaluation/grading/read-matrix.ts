/**
 * The cells of a matrix in LaTeX. Knows nothing of what is in them.
 */
import { splitOutside } from './brackets.ts'

/**
 * The rows of cells of a matrix, an array in brackets, or a multiple of one; undefined for anything else. Rows must be of one
 * length.
 */
export function readMatrix(text: string): string[][] | undefined {
  const [, factor = '', name, inside = ''] =
    /^([^&]*?)[([|]?\s*\\begin\{([bBp]?matrix|smallmatrix|array)\}(?:\{[lcr|\s]*\})?(.*)\\end\{\2\}\s*[)\]|]?$/s.exec(
      text,
    ) ?? []
  if (name === undefined || inside.includes('\\begin')) return undefined
  const rows = splitOutside(inside, /\\\\|\\cr(?![a-zA-Z])/y)
    .parts.filter((row) => row !== '')
    .map((row) => splitOutside(row, /&/y).parts.map((cell) => multiplied(factor.trim(), cell)))
  const widths = new Set(rows.map((row) => row.length))
  return widths.size === 1 ? rows : undefined
}

function multiplied(factor: string, cell: string): string {
  if (factor === '') return cell
  return factor === '-' ? `-(${cell})` : `(${factor.replace(/\\(?:cdot|times)\s*$/, '')})\\cdot(${cell})`
}
