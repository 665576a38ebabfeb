/**
 * The attention of one forward pass of a context, by the rows of its batch and by positions. Tells the probe beforehand
 * what to read, and finds each row's sequence and cells afterwards.
 */
import type { AttentionProbe, AttentionRows } from './attention-probe.ts'
import type { CellLayout } from './cell-layout.ts'
import { ubatchesOf } from './ubatches.ts'

/** Attention of one query, averaged over layers and query heads. */
export interface PositionWeights {
  /** The positions that the query saw, its own included, in the order of their cells. */
  readonly positions: Int32Array
  /** Same shape; they sum to 1 (less where a model has attention sinks). */
  readonly weights: Float32Array
}

/** Where a row of the batch is. */
interface RowPlace {
  readonly rows: AttentionRows
  readonly query: number
  readonly layout: CellLayout
  readonly position: number
}

export class AttentionReader {
  readonly #probe: AttentionProbe
  #places: (RowPlace | undefined)[] = []
  #positions = new Int32Array(0)
  #weights = new Float32Array(0)

  constructor(probe: AttentionProbe) {
    this.#probe = probe
  }

  /**
   * Runs a pass over consecutive tokens of one sequence.
   * @param rows how many of the last tokens are wanted: they are rows 0 .. rows - 1
   * @param start position of the first token
   */
  readTokens(
    rows: number,
    { count, start, layout }: { count: number; start: number; layout: CellLayout },
    run: () => void,
  ) {
    this.#read([{ streams: [true], firstQuery: count - rows }], run, (ubatches) => {
      const read = ubatches[0]?.[0]
      const place = (query: number) => read && { rows: read, query, layout, position: start + count - rows + query }
      this.#places = Array.from({ length: rows }, (_, query) => place(query))
    })
  }

  /**
   * Runs a pass over one token in each of several sequences.
   * @param batch for each entry its sequence, its position and that sequence's cells
   * @param wanted for each entry whether it is read
   * @param oneByOne whether each sequence is an ubatch, as in a hybrid when all tokens give hidden states
   */
  readEntries(
    batch: { sequenceIds: ArrayLike<number>; positions: ArrayLike<number>; layouts: readonly CellLayout[] },
    wanted: readonly boolean[],
    oneByOne: boolean,
    run: () => void,
  ): void {
    const ubatches = oneByOne ? Array.from(batch.sequenceIds, (_, entry) => [entry]) : ubatchesOf(batch.sequenceIds)
    const expected = ubatches.map((entries) => ({
      streams: entries.map((entry) => wanted[entry] === true),
      firstQuery: 0,
    }))
    this.#read(expected, run, (read) => {
      this.#places = []
      for (const [u, entries] of ubatches.entries()) {
        for (const [stream, entry] of entries.entries()) {
          const rows = read[u]?.[stream]
          const layout = batch.layouts[batch.sequenceIds[entry] ?? -1]
          this.#places[entry] = rows && layout && { rows, query: 0, layout, position: batch.positions[entry] ?? -1 }
        }
      }
    })
  }

  /** What was read is no longer valid: another pass follows. */
  forget(): void {
    this.#places = []
  }

  /** A row of the last pass. Valid until the next call, and only before its sequence's cells change. */
  row(row: number): PositionWeights {
    const place = this.#places[row]
    if (!place) throw new Error(`the attention of row ${row} was not read in the last pass`)
    const { rows, query, layout, position } = place
    const width = Math.min(rows.width, layout.positions.length)
    if (this.#positions.length < width) {
      this.#positions = new Int32Array(layout.positions.length)
      this.#weights = new Float32Array(layout.positions.length)
    }
    let seen = 0
    for (let cell = 0; cell < width; cell++) {
      const held = layout.positions[cell] ?? -1
      if (held < 0 || held > position) continue
      this.#positions[seen] = held
      this.#weights[seen++] = rows.weights[query * rows.width + cell] ?? 0
    }
    return { positions: this.#positions.subarray(0, seen), weights: this.#weights.subarray(0, seen) }
  }

  #read(
    expected: Parameters<AttentionProbe['expect']>[0],
    run: () => void,
    place: (read: (AttentionRows | undefined)[][]) => void,
  ): void {
    this.#probe.expect(expected)
    this.#probe.active = true
    try {
      run()
      place(this.#probe.takeAll())
    } finally {
      this.#probe.active = false
      this.#probe.expect()
    }
  }
}
