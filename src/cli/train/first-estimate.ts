/**
 * How long a whole piece of work takes, told once: when its first item is finished, by the time that this took.
 */
import { formatDuration } from '../output/progress-line.ts'

/** What takes less is over before it is read. */
const shortestSeconds = 10

export class FirstEstimate {
  readonly #item: string
  readonly #now: () => number
  #first: { readonly done: number; readonly at: number } | undefined
  #isTold = false

  /**
   * @param item what is measured, e.g. `trace`
   * @param now milliseconds that only grow
   */
  constructor(item: string, now: () => number = () => performance.now()) {
    this.#item = item
    this.#now = now
  }

  /**
   * Call it before the first item, and with each progress.
   * @param done of the work, in the unit that its time is proportional to
   * @param isItemDone whether the first item is finished
   * @returns the line, once; undefined otherwise, and if the rest takes less than 10 seconds
   */
  at(done: number, total: number, isItemDone: boolean): string | undefined {
    this.#first ??= { done, at: this.#now() }
    const counted = done - this.#first.done
    if (this.#isTold || !isItemDone || counted <= 0) return undefined
    this.#isTold = true
    const seconds = (this.#now() - this.#first.at) / 1000
    const rest = ((total - done) * seconds) / counted
    if (rest < shortestSeconds) return undefined
    return `By the first ${this.#item}, which took ${formatDuration(seconds)}, the rest takes about ${formatDuration(rest)}.`
  }
}
