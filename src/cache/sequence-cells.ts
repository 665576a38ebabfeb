/**
 * The cells of one sequence: which positions are held, of which kind, and how full the cache was. Removes cells from the store
 * that it is given.
 */
import type { PositionRange } from '../llama/sequence-memory.ts'
import { removalRuns } from './runs.ts'
import type { CellKind } from './windows.ts'

/** Where the cells are; `LlamaContext` is one. */
export interface CellStore {
  /** Empties the cells of positions p0 to p1 - 1. */
  remove(sequenceId: number, p0: number, p1: number): void
  /** Empties the cells of these ranges, and rewrites the others contiguously. */
  compact(sequenceId: number, without: readonly PositionRange[]): void
  clear(sequenceId: number): void
}

/** How full the cache was in the decode steps of a sequence, in cells. */
export interface Occupancy {
  /** Cells attended to in a decode step: after the append, before the eviction. */
  readonly peakCells: number
  readonly meanCells: number
  readonly finalCells: number
  readonly evictions: number
  readonly evictedTokens: number
}

export class SequenceCells {
  readonly sequenceId: number
  readonly #store: CellStore
  #positions = new Int32Array(1024)
  #kinds = new Uint8Array(1024)
  #count = 0
  #peak = 0
  #attended = 0
  #steps = 0
  #evictions = 0
  #evicted = 0

  /** @param sequenceId in the store; its cells are emptied */
  constructor(store: CellStore, sequenceId: number) {
    this.#store = store
    this.sequenceId = sequenceId
    store.clear(sequenceId)
  }

  get heldCells(): number {
    return this.#count
  }

  /** Positions of the held cells, ascending. A view: valid until the next change. */
  get held(): Int32Array {
    return this.#positions.subarray(0, this.#count)
  }

  /** A `CellKind` for each held cell. A view: valid until the next change. */
  get kinds(): Uint8Array {
    return this.#kinds.subarray(0, this.#count)
  }

  get occupancy(): Occupancy {
    return {
      peakCells: Math.max(this.#peak, this.#count),
      meanCells: this.#steps === 0 ? this.#count : this.#attended / this.#steps,
      finalCells: this.#count,
      evictions: this.#evictions,
      evictedTokens: this.#evicted,
    }
  }

  /** Notes cells that the store has taken for consecutive positions; each must be newer than all held ones. */
  append(start: number, count: number, kind: CellKind): void {
    const newest = this.#count === 0 ? -1 : (this.#positions[this.#count - 1] ?? -1)
    if (start <= newest) throw new RangeError(`position ${start} does not come after ${newest}`)
    while (this.#count + count > this.#positions.length) this.#grow()
    for (let i = 0; i < count; i++) {
      this.#positions[this.#count] = start + i
      this.#kinds[this.#count++] = kind
    }
  }

  /** Notes that a decode step attended to all cells. */
  countStep(): void {
    this.#peak = Math.max(this.#peak, this.#count)
    this.#attended += this.#count
    this.#steps++
  }

  /** Changes the kind of a cell, if it is still held. */
  relabel(position: number, kind: CellKind): void {
    const i = this.held.indexOf(position)
    if (i >= 0) this.#kinds[i] = kind
  }

  /**
   * Evicts cells. Positions of the others do not change.
   * @param leaving held positions, ascending
   * @param compacts whether the store rewrites the others contiguously
   */
  evict(leaving: Int32Array, compacts = false): void {
    const runs = removalRuns(this.held, leaving)
    if (compacts) this.#store.compact(this.sequenceId, runs)
    else for (const [p0, p1] of runs) this.#store.remove(this.sequenceId, p0, p1)
    let kept = 0
    let next = 0
    for (let i = 0; i < this.#count; i++) {
      const position = this.#positions[i] ?? 0
      if (position === leaving[next]) {
        next++
        continue
      }
      this.#positions[kept] = position
      this.#kinds[kept++] = this.#kinds[i] ?? 0
    }
    this.#count = kept
    this.#evictions++
    this.#evicted += leaving.length
  }

  /** Gives all cells back to the store. */
  release(): void {
    this.#store.clear(this.sequenceId)
  }

  #grow(): void {
    const positions = new Int32Array(this.#positions.length * 2)
    positions.set(this.#positions)
    this.#positions = positions
    const kinds = new Uint8Array(this.#kinds.length * 2)
    kinds.set(this.#kinds)
    this.#kinds = kinds
  }
}
