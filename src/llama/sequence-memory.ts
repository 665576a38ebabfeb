/** The cells of a context's sequences: empties them in C, and follows which cell holds which position. */
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { CellLayout } from './cell-layout.ts'
import type { Pointer } from './structs.ts'

/** Positions p with p0 <= p < p1. */
export type PositionRange = readonly [p0: number, p1: number]

/** @throws RangeError for what is not a range */
export function checkRange(p0: number, p1: number): void {
  if (Number.isInteger(p0) && Number.isInteger(p1) && p0 >= 0 && p1 > p0 && p1 <= 0x7fff_ffff) return
  throw new RangeError(`positions ${p0} to ${p1} are not a range`)
}

export class SequenceMemory {
  /** For each sequence, the position that each cell holds. */
  readonly layouts: readonly CellLayout[]
  readonly #c: Bindings
  readonly #memory: Pointer

  constructor(c: Bindings, memory: Pointer, sequences: number, cellsPerSequence: number) {
    this.#c = c
    this.#memory = memory
    this.layouts = Array.from({ length: sequences }, () => new CellLayout(cellsPerSequence))
  }

  /** @throws RangeError for a sequence that there is not */
  layoutOf(sequenceId: number): CellLayout {
    const layout = this.layouts[sequenceId]
    if (!layout) throw new RangeError(`sequence ${sequenceId} of ${this.layouts.length}`)
    return layout
  }

  /** Empties the cells of positions p0 to p1 - 1. @throws RangeError for what is not a range */
  remove(sequenceId: number, p0: number, p1: number): void {
    const layout = this.layoutOf(sequenceId)
    checkRange(p0, p1)
    if (!this.#c.llama_memory_seq_rm(this.#memory, sequenceId, p0, p1)) {
      throw new EngineError('remove_failed', 'this model does not let single cells be removed')
    }
    layout.remove(p0, p1)
  }

  /** Empties all cells of a sequence. */
  clear(sequenceId: number): void {
    const layout = this.layoutOf(sequenceId)
    this.#c.llama_memory_seq_rm(this.#memory, sequenceId, -1, -1)
    layout.clear()
  }
}
