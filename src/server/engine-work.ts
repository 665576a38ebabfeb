/** How long an engine that has work has said nothing. */
export class EngineWork {
  #count = 0
  #since = 0

  begin(now = performance.now()): void {
    if (this.#count++ === 0) this.#since = now
  }

  end(): void {
    this.#count--
  }

  /** 0 while it has none. @param lastSignAt when it said something last; before the work, that does not count */
  silentMs(lastSignAt: number, now = performance.now()): number {
    return this.#count === 0 ? 0 : now - Math.max(lastSignAt, this.#since)
  }
}
