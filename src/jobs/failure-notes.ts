/**
 * Tells of failures one by one, and of many for the same reason only the first.
 */
const tellings = 3

export class FailureNotes {
  readonly #onNote: (text: string) => void
  readonly #reasons = new Map<string, number>()

  constructor(onNote: (text: string) => void) {
    this.#onNote = onNote
  }

  /** @param title what the job is, for people */
  tell(title: string, reason: string): void {
    const count = (this.#reasons.get(reason) ?? 0) + 1
    this.#reasons.set(reason, count)
    if (count <= tellings) this.#onNote(`${title} failed: ${reason}`)
    if (count === tellings) this.#onNote('Further failures for this reason are only counted.')
  }
}
