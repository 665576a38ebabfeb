/**
 * The cells of a context's sequences: empties them in C, and follows which cell holds which position. Knows nothing of
 * forward passes.
 */
import { EngineError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import { CellSlots } from './cell-slots.ts'
import type { Pointer } from './structs.ts'

export class SequenceMemory {
  /** For each sequence, the position that each cell holds. */
  readonly slots: readonly CellSlots[]
  readonly #c: Bindings
  readonly #memory: Pointer

  /** @param cells of each sequence */
  constructor(c: Bindings, memory: Pointer, sequences: number, cells: number) {
    this.#c = c
    this.#memory = memory
    this.slots = Array.from({ length: sequences }, () => new CellSlots(cells))
  }

  /** @throws RangeError for a sequence that there is not */
  slotsOf(sequence: number): CellSlots {
    const slots = this.slots[sequence]
    if (!slots) throw new RangeError(`sequence ${sequence} of ${this.slots.length}`)
    return slots
  }

  /** Empties the cells of positions p0 to p1 - 1. @throws RangeError for what is not a range */
  remove(sequence: number, p0: number, p1: number): void {
    const slots = this.slotsOf(sequence)
    if (!Number.isInteger(p0) || !Number.isInteger(p1) || p0 < 0 || p1 <= p0 || p1 > 0x7fff_ffff) {
      throw new RangeError(`positions ${p0} to ${p1} are not a range`)
    }
    if (!this.#c.llama_memory_seq_rm(this.#memory, sequence, p0, p1)) {
      throw new EngineError('remove_failed', 'this model does not let single cells be removed')
    }
    slots.remove(p0, p1)
  }

  /** Empties all cells of a sequence. */
  clear(sequence: number): void {
    const slots = this.slotsOf(sequence)
    this.#c.llama_memory_seq_rm(this.#memory, sequence, -1, -1)
    slots.clear()
  }
}
