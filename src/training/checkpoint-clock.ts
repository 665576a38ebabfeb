/**
 * When the state of a training is to be written. Steps differ a thousandfold in length between models, so that time counts
 * unless the user counts steps.
 */
export interface CheckpointSettings {
  /** The state is written after the step at which so much time has passed. */
  readonly checkpointSeconds: number
  /** Also after every so many steps. */
  readonly checkpointSteps?: number | undefined
}

export class CheckpointClock {
  readonly #settings: CheckpointSettings
  readonly #now: () => number
  #savedAt: number
  #savedStep: number

  /**
   * @param step that the state on the disk holds
   * @param now milliseconds that only grow
   */
  constructor(settings: CheckpointSettings, step: number, now = () => performance.now()) {
    this.#settings = settings
    this.#now = now
    this.#savedAt = now()
    this.#savedStep = step
  }

  isDue(step: number): boolean {
    const { checkpointSeconds, checkpointSteps = Infinity } = this.#settings
    return this.#now() - this.#savedAt >= checkpointSeconds * 1000 || step % checkpointSteps === 0
  }

  /** Whether steps would be lost if it ended here. */
  isBehind(step: number): boolean {
    return step !== this.#savedStep
  }

  /** The time that writing takes does not count. */
  saved(step: number): void {
    this.#savedAt = this.#now()
    this.#savedStep = step
  }
}
