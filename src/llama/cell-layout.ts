/**
 * Which cell of a sequence holds which position. llama.cpp does not say, so this simulates its search for free cells
 * (`llama_kv_cache::find_slot`, `seq_rm`) step by step. Needed to read attention weights, whose columns are cells, and to
 * know how wide attention is: up to the highest used cell.
 */
export class CellLayout {
  /** The position held by each cell, -1 where it is empty. */
  readonly positions: Int32Array
  #head = 0
  #used = 0
  #changes = 0

  constructor(cells: number) {
    this.positions = new Int32Array(cells).fill(-1)
  }

  get used(): number {
    return this.#used
  }

  /** How often it has changed: as long as this is the same, so are the cells. */
  get changes(): number {
    return this.#changes
  }

  /** Cells that attention runs over, before padding: the highest used cell plus one. */
  get width(): number {
    let last = this.positions.length - 1
    while (last >= 0 && this.positions[last] === -1) last--
    return last + 1
  }

  /** Takes cells for `count` consecutive positions from `start` on, as one ubatch does. */
  append(start: number, count: number): void {
    const size = this.positions.length
    if (count > size - this.#used)
      throw new RangeError(`${count} tokens do not fit: ${this.#used} of ${size} cells used`)
    let cell = this.#head > this.#used + 2 * count ? 0 : this.#head
    for (let placed = 0; placed < count; cell++) {
      if (cell >= size) cell = 0
      if (this.positions[cell] !== -1) continue
      this.positions[cell] = start + placed
      placed++
    }
    this.#head = cell
    this.#used += count
    this.#changes++
  }

  /** Empties the cells of positions p0 to p1 - 1. */
  remove(p0: number, p1: number): void {
    let lowest = -1
    for (let cell = 0; cell < this.positions.length; cell++) {
      const position = this.positions[cell] ?? -1
      if (position < p0 || position >= p1) continue
      this.positions[cell] = -1
      this.#used--
      if (lowest === -1) lowest = cell
    }
    if (lowest !== -1 && lowest < this.#head) this.#head = lowest
    this.#changes++
  }

  clear(): void {
    this.remove(0, Infinity)
  }

  /** Rewrites all cells contiguously in their present order. */
  compact(): void {
    this.restore(this.positions.filter((position) => position !== -1))
  }

  /** Replaces all cells by a saved sequence's, contiguously. */
  restore(held: Int32Array): void {
    this.clear()
    let cell = this.#head > 2 * held.length ? 0 : this.#head
    for (const position of held) {
      if (cell >= this.positions.length) cell = 0
      this.positions[cell++] = position
    }
    this.#head = cell
    this.#used = held.length
    this.#changes++
  }
}
