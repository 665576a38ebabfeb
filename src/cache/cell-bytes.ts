/** What the cells of a sequence take of the memory: layers with a sliding window have no more of them than their window needs. */

export interface CellBytes {
  /** Keys and values of one token in the layers that have as many cells as the sequence. */
  readonly full: number
  /** The same of the layers with a window, and the most cells that these have. */
  readonly window?: { readonly bytes: number; readonly cells: number } | undefined
}

/** Bytes of so many cells of one sequence. */
export function bytesOfCells({ full, window }: CellBytes, cells: number): number {
  return full * cells + (window ? window.bytes * Math.min(cells, window.cells) : 0)
}

/** Keys and values of one token in all layers. */
export function bytesOfToken({ full, window }: CellBytes): number {
  return full + (window?.bytes ?? 0)
}
