/**
 * The cells of a matrix in LaTeX.
 */
import { splitOutside } from './brackets.ts'

type Cells = readonly (readonly string[])[]

/**
 * The rows of cells of a matrix, an array in brackets, a multiple of one, or a sum; undefined for anything else. Rows must be
 * of one length.
 */
export function readMatrix(text: string): Cells | undefined {
  if (!text.includes('\\begin')) return undefined
  const [, bracketed] = /^\(\s*(\\begin.*\\end\{[a-zA-Z]+\})\s*\)$/s.exec(text) ?? []
  const terms = (bracketed ?? text).match(/(?:^|[-+])[^&]*?\\begin\{(\w+)\}.*?\\end\{\1\}\s*[)\]|]?\s*/gs) ?? []
  if (terms.join('').trim() !== (bracketed ?? text).trim()) return undefined
  const [first, ...others] = terms.map((term, i) => readTerm(term.trim().replace(i > 0 ? /^\+\s*/ : /^$/, '')))
  return others.reduce((sum, term) => sum && term && sumOf(sum, term), first)
}

/** The determinant as a formula of its cells; undefined for what is none. */
export function readDeterminant(text: string): string | undefined {
  const [, inside = ''] =
    /^\\begin\{vmatrix\}(.*)\\end\{vmatrix\}$/s.exec(text) ??
    /^\\det\s*\(?\s*\\begin\{[bp]matrix\}(.*)\\end\{[bp]matrix\}\s*\)?$/s.exec(text) ??
    []
  const cells = cellsOf(inside)
  return cells?.length === cells?.[0]?.length && cells && cells.length <= 4 ? determinant(cells) : undefined
}

function readTerm(text: string): Cells | undefined {
  const [, factor = '', name, inside = ''] =
    /^([^&]*?)[([|]?\s*\\begin\{([bBp]?matrix|smallmatrix|array)\}(?:\{[lcr|\s]*\})?(.*)\\end\{\2\}\s*[)\]|]?$/s.exec(
      text,
    ) ?? []
  if (name === undefined || inside.includes('\\begin')) return undefined
  return cellsOf(inside)?.map((row) => row.map((cell) => multiplied(factor.trim(), cell)))
}

function cellsOf(inside: string): Cells | undefined {
  const rows = splitOutside(inside, /\\\\|\\cr(?![a-zA-Z])/y)
    .parts.filter((row) => row !== '')
    .map((row) => splitOutside(row, /&/y).parts)
  const widths = new Set(rows.map((row) => row.length))
  return widths.size === 1 ? rows : undefined
}

function multiplied(factor: string, cell: string): string {
  if (factor === '') return cell
  return factor === '-' ? `-(${cell})` : `(${factor.replace(/\\(?:cdot|times)\s*$/, '')})\\cdot(${cell})`
}

function sumOf(a: Cells, b: Cells): Cells | undefined {
  if (a.length !== b.length || a[0]?.length !== b[0]?.length) return undefined
  return a.map((row, i) => row.map((cell, j) => `(${cell})+(${b[i]?.[j] ?? ''})`))
}

function determinant(cells: Cells): string {
  const [top = [], ...below] = cells
  if (below.length === 0) return `(${top[0] ?? ''})`
  const terms = top.map((cell, column) => {
    const minor = below.map((row) => row.filter((_, j) => j !== column))
    return `${column % 2 === 0 ? '+' : '-'}(${cell})(${determinant(minor)})`
  })
  return terms.join('').slice(1)
}
